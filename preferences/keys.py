"""The data keys of people, and the move of all data keys to a new master key."""

from collections.abc import Iterable, Sequence

from django.conf import settings
from django.db import connection, transaction

from notifysite.plumbing import crypto
from notifysite.plumbing.crypto import DataKey

_LOAD = """
    SELECT id, data_key FROM recipient
    WHERE id = ANY(%s::bigint[]) AND data_key IS NOT NULL
"""
# Tables whose rows have an id and a wrapped `data_key` of their own; an app above adds its own.
DATA_KEY_TABLES = ("recipient",)

# In id order, as everybody locks recipients; an erasure under way is waited for, then passed over.
_LOCK = """
    SELECT id, data_key FROM {table}
    WHERE id > %s AND data_key IS NOT NULL
    ORDER BY id LIMIT %s
    FOR NO KEY UPDATE
"""
_SAVE = """
    UPDATE {table} SET data_key = fresh.data_key
    FROM unnest(%s::bigint[], %s::bytea[]) AS fresh (id, data_key)
    WHERE {table}.id = fresh.id
"""
# A wrapped key is a byte of length, the id of its master key, and the rest.
_IN_USE = """
    SELECT convert_from(substring(data_key FROM 2 FOR get_byte(data_key, 0)), 'SQL_ASCII'), count(*)
    FROM ({rows}) AS wrapped WHERE data_key IS NOT NULL
    GROUP BY 1 ORDER BY 1
"""


def data_keys(recipient_ids: Iterable[int]) -> dict[int, DataKey]:
    """The data key of each recipient, in one query; those erased or unknown are missing."""
    with connection.cursor() as cursor:
        cursor.execute(_LOAD, [list(recipient_ids)])
        return {id: crypto.unwrap(bytes(wrapped)) for id, wrapped in cursor.fetchall()}


def tables() -> Sequence[str]:
    """Those that hold data keys: settings.DATA_KEY_TABLES."""
    found: Sequence[str] = getattr(settings, "DATA_KEY_TABLES", DATA_KEY_TABLES)
    return found


def rewrap_after(last_id: int, *, limit: int, table: str = "recipient") -> tuple[int, int] | None:
    """Wrap the next `limit` keys of a table under the newest master key, in one transaction.

    Returns the last id looked at and how many keys were wrapped anew; None when no one is left.
    Those already under the newest key are only looked at, so a run that stopped may start again.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_LOCK.format(table=table), [last_id, limit])
        rows = cursor.fetchall()
        if not rows:
            return None
        fresh = {id: crypto.rewrap(bytes(wrapped)) for id, wrapped in rows}
        moved = {id: wrapped for id, wrapped in fresh.items() if wrapped is not None}
        if moved:
            cursor.execute(_SAVE.format(table=table), [list(moved), list(moved.values())])
        return rows[-1][0], len(moved)


def master_keys_in_use() -> dict[str, int]:
    """How many data keys each master key wraps."""
    rows = " UNION ALL ".join(f"SELECT data_key FROM {table}" for table in tables())  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(_IN_USE.format(rows=rows))
        return dict(cursor.fetchall())
