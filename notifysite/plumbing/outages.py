"""What an error tells of a database that went away, as against a statement that was wrong."""

from django.db import DatabaseError, InterfaceError, OperationalError


def is_outage(error: BaseException) -> bool:
    """Whether the server is gone, restarting or out of reach.

    The driver raises the bare DatabaseError where the server broke off without a word.
    """
    return isinstance(error, OperationalError | InterfaceError) or type(error) is DatabaseError
