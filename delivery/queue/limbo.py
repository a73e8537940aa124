"""Rows whose answer never came."""

from uuid import UUID

from django.db import connection

from delivery.lifecycle import State
from delivery.queue.rows import BATCH, COLUMNS, Row, read
from notifysite.plumbing import claims
from notifysite.plumbing.statements import Statement

GRACE_SECONDS = 15

# Of leases that ran out while the database was away it first hears those who could not renew them.
_GRACE = f"""(due_at > pg_postmaster_start_time()
    OR pg_postmaster_start_time() < clock_timestamp() - interval '{GRACE_SECONDS} seconds')"""
_LIMBO = Statement(
    f"""
    UPDATE delivery AS claimed
    SET lease = %(token)s::uuid,
        due_at = clock_timestamp() + interval '{claims.LEASE_SECONDS} seconds'
    WHERE {claims.HELD} AND claimed.id = ANY(ARRAY(
        SELECT id FROM delivery
        WHERE state IN ({State.SENDING:d}, {State.UNCERTAIN:d}) AND due_at <= statement_timestamp()
            AND {_GRACE}
        ORDER BY due_at LIMIT %(limit)s::bigint FOR NO KEY UPDATE SKIP LOCKED
    ))
    RETURNING claimed.state, {claims.columns(COLUMNS)}, clock_timestamp()
    """,  # noqa: S608
    first=claims.IN_ORDER,
)


def claim_limbo(*, token: UUID, limit: int = BATCH) -> list[tuple[State, Row]]:
    """Lease rows whose answer never came: marked ones whose lease ran out, and uncertain ones
    whose time to wait for news is over."""
    with connection.cursor() as cursor:
        _LIMBO.run(cursor, token=token, limit=limit)
        found = cursor.fetchall()
    states = [State(state) for state, *_ in found]
    return list(zip(states, read(values for _, *values in found), strict=True))


_ORPHANED = f"""
    SELECT EXISTS (
        SELECT FROM delivery AS t WHERE t.state = {State.SENDING:d} AND {claims.HELD_BY_NONE_OF}
    )
"""  # noqa: S608


def is_stormy() -> bool:
    """Whether somebody died within the last lease with messages in hand."""
    holders = list(claims.holders())
    with connection.cursor() as cursor:
        cursor.execute(_ORPHANED, {"holders": holders})
        return bool(cursor.fetchone()[0])
