"""A database that went away is told from a statement that was wrong."""

import pytest
from django.db import DatabaseError, InterfaceError, OperationalError
from django.db.utils import DataError, IntegrityError, ProgrammingError

from notifysite.plumbing.outages import is_outage


@pytest.mark.parametrize("error", [OperationalError, InterfaceError, DatabaseError])
def test_a_server_that_broke_off_is_an_outage(error: type[Exception]) -> None:
    assert is_outage(error("server closed the connection unexpectedly"))


@pytest.mark.parametrize("error", [IntegrityError, ProgrammingError, DataError, ValueError])
def test_a_wrong_statement_is_none(error: type[Exception]) -> None:
    assert not is_outage(error("no"))
