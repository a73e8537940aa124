"""People as far as it takes to write something down for them: who they are, and their key.

Nearly always all of them are there, and nothing is said of them but their user ids.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from notifysite.plumbing import crypto
from notifysite.plumbing.crypto import DataKey
from notifysite.plumbing.statements import Statement
from preferences import people
from preferences.wanted import Wanted

_LOOK = Statement("""
    SELECT user_id, id, data_key FROM recipient WHERE user_id = ANY(%(users)s::text[])
""")


class Known(NamedTuple):
    """A recipient, and the key under which all about them is encrypted."""

    id: int
    key: DataKey


def known(wanted: Sequence[Wanted], *, now: datetime) -> dict[str, Known]:
    """Those wanted, by user id; who is not there as wanted is made so, in the caller's
    transaction."""
    users = {one.user_id for one in wanted}
    if not users:
        return {}
    found = _look(users) if all(one.is_bare for one in wanted) else {}
    if len(found) < len(users):
        others = [one for one in wanted if one.user_id not in found]
        made = people.upsert(others, now=now)
        found |= {person.user_id: Known(person.id, person.key) for person in made}
    return found


def _look(users: set[str]) -> dict[str, Known]:
    with connection.cursor() as cursor:
        _LOOK.run(cursor, users=users)
        rows = cursor.fetchall()
    keys = crypto.unwrap_all([row[2] for row in rows])
    return {row[0]: Known(row[1], key) for row, key in zip(rows, keys, strict=True)}
