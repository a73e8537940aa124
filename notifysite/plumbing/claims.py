"""Take due rows for a while: a lease token and a later `due_at`.

The state stays as it was: rows of a worker that died simply fall due again. All time is the
database's. What is due is asked by the statement's own time, because an index cannot be searched by
a clock that goes on: rows that wait for later would be read, all of them, each time.

A token names the process it is of, and that holds a shared advisory lock for as long as its session
with the database lives. So the death of a process is seen at once, and what it had claimed, and not
begun to send, need not wait for its leases to run out.
"""

import os
import secrets
from uuid import UUID

from django.db import connection

from notifysite.plumbing.partitions import WITHIN

# Short, so that a dead worker is noticed soon; what takes longer has its lease renewed.
LEASE_SECONDS = 30

_LOCKS = 1_852_207_457  # the class of our advisory locks, apart from other people's


_holder = secrets.randbits(31)


def _become_another() -> None:
    global _holder
    _holder = secrets.randbits(31)


os.register_at_fork(after_in_child=_become_another)


def token() -> UUID:
    """A new token, for one claim of this process."""
    return UUID(int=_holder << 96 | secrets.randbits(96))


def _holder_sql(token: str, *, kind: str = "bigint") -> str:
    return f"('x' || left({token}::text, 8))::bit(32)::{kind}"


# Sent with a statement that takes the first of what is due. The planner has not heard yet of a
# backlog that has just come, and would read and sort all of it for every batch.
IN_ORDER = "SET LOCAL enable_sort = off; "

# Sent with a statement that joins rows to what is to be written to them: each is looked up by its
# id. For the planner a list has ten values, and every other way looks as good for so few.
ONE_BY_ONE = "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; "

# Sent with a statement that is simply done again where the server loses it in a crash. What is
# committed after it, and waited for, is never kept without it.
LOSABLE = "SET LOCAL synchronous_commit = off; "

# A condition of every claim, which is true and leaves the lock behind.
HELD = (
    f"(SELECT pg_try_advisory_lock_shared({_LOCKS}, {_holder_sql('%(token)s::uuid', kind='int')}))"
)
_LEASED = f"""t.due_at > statement_timestamp()
    AND t.due_at <= statement_timestamp() + interval '{LEASE_SECONDS} seconds'
    AND t.lease IS NOT NULL"""
# That a row `t` is claimed by one of %(holders)s, and its lease has not run out; and the same of
# somebody who is none of them.
HELD_BY = f"{_LEASED} AND {_holder_sql('t.lease')} = ANY(%(holders)s::bigint[])"
HELD_BY_NONE_OF = f"{_LEASED} AND {_holder_sql('t.lease')} <> ALL(%(holders)s::bigint[])"

_HOLDERS = f"""
    SELECT objid::bigint FROM pg_locks
    WHERE locktype = 'advisory' AND classid = {_LOCKS} AND objsubid = 2
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""  # noqa: S608


def holders() -> frozenset[int]:
    """Those who have claimed anything in a session that is still there."""
    with connection.cursor() as cursor:
        cursor.execute(_HOLDERS)
        return frozenset(holder for (holder,) in cursor.fetchall())


def ours_sql(*, table: str, still: str) -> str:
    """The claimed rows among %(ids)s, of the months from %(low)s to %(high)s, that are ours by one
    of %(leases)s, locked: `id = <this>`.

    In id order, so that two that write the same rows wait, and never for each other.
    """
    return f"""ANY(ARRAY(
        SELECT id FROM {table}
        WHERE id = ANY(%(ids)s::uuid[]) AND lease = ANY(%(leases)s::uuid[]) AND {still}
            AND {WITHIN.format(id="id")}
        ORDER BY id FOR NO KEY UPDATE
    ))"""  # noqa: S608 - names of our own tables and columns


def columns(names: tuple[str, ...], alias: str = "claimed") -> str:
    """A column list for RETURNING, in the order a dataclass wants them."""
    return ", ".join(f"{alias}.{name}" for name in names)
