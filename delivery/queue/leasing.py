"""Rows that are ours for a while: claimed, marked, renewed, given back."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from django.db import connection

from delivery import channels
from delivery.lifecycle import State
from delivery.queue.rows import BATCH, COLUMNS, LANES, Lease, Row, read
from notifysite.plumbing import claims
from notifysite.plumbing.partitions import WITHIN, span
from notifysite.plumbing.statements import Statement

# Each channel gives its own, so that one that does not move never stands before the others.
_CLAIM = Statement(
    f"""
    UPDATE delivery AS claimed
    SET lease = %(token)s::uuid,
        due_at = clock_timestamp() + interval '{claims.LEASE_SECONDS} seconds'
    WHERE {claims.HELD} AND claimed.id = ANY(ARRAY(
        SELECT due.id FROM unnest(%(channels)s::smallint[]) AS c(channel), LATERAL (
            SELECT id FROM delivery AS t
            WHERE t.lane = %(lane)s::smallint AND t.channel = c.channel
                AND t.state = {State.QUEUED:d} AND t.due_at <= statement_timestamp()
            ORDER BY t.due_at LIMIT %(limit)s::bigint FOR NO KEY UPDATE SKIP LOCKED
        ) AS due
    ))
    RETURNING {claims.columns(COLUMNS)}, clock_timestamp()
    """,  # noqa: S608
    first=claims.IN_ORDER,
)


def claim(
    lane: int, *, token: UUID, limit: int = BATCH, only: Sequence[int] | None = None
) -> list[Row]:
    """Lease up to `limit` due rows of each channel of a lane, oldest first.

    `only`: of these channels.
    """
    wanted = [spec.number for spec in channels.every()] if only is None else list(only)
    with connection.cursor() as cursor:
        _CLAIM.run(cursor, lane=int(lane), channels=wanted, token=token, limit=limit)
        return read(cursor.fetchall())


# The state is a parameter: as a constant it would lead the planner to all that is queued.
_OURS_STILL = claims.ours_sql(table="delivery", still="state = %(state)s::smallint")
_MARK = Statement(f"""
    UPDATE delivery SET state = {State.SENDING:d}, attempts = attempts + 1, provider = %(provider)s,
        due_at = clock_timestamp() + interval '{claims.LEASE_SECONDS} seconds'
    WHERE id = {_OURS_STILL} AND {WITHIN.format(id="id")}
    RETURNING id, lease
""")  # noqa: S608


def mark(leases: Sequence[Lease], *, provider: str) -> Collection[Lease]:
    """Say that these rows may be out from now on; returns those that are still ours."""
    with connection.cursor() as cursor:
        _MARK.run(cursor, **_leased(leases, State.QUEUED), provider=provider)
        # To read what came back costs more than to count it.
        return leases if cursor.rowcount == len(leases) else set(cursor.fetchall())


# What is given back untried and for now keeps its place among those that are due.
_IN_ITS_PLACE = """CASE WHEN d.attempts = 0 THEN LEAST(d.accepted_at, clock_timestamp())
    ELSE clock_timestamp() END"""
_RELEASE = Statement(f"""
    UPDATE delivery AS d SET lease = NULL, due_at = CASE WHEN u.wait = 0 THEN {_IN_ITS_PLACE}
        ELSE clock_timestamp() + u.wait * interval '1 second' END
    FROM unnest(%(ids)s::uuid[], %(leases)s::uuid[], %(waits)s::float8[]) AS u(id, lease, wait)
    WHERE d.id = {_OURS_STILL} AND d.id = u.id AND d.lease = u.lease
        AND {WITHIN.format(id="d.id")}
""")  # noqa: S608


def release(leases: Sequence[Lease], *, waits: Sequence[float] | None = None) -> None:
    """Give rows back that were claimed and not marked: due again after `waits` seconds, or now."""
    if not leases:
        return
    with connection.cursor() as cursor:
        values = _leased(leases, State.QUEUED)
        _RELEASE.run(cursor, **values, waits=waits or [0.0] * len(leases))


def look_again(leases: Sequence[Lease], *, waits: Sequence[float]) -> None:
    """Leave rows in doubt whose answer never came, and that are ours: lost again after so many
    seconds."""
    if not leases:
        return
    with connection.cursor() as cursor:
        _RELEASE.run(cursor, **_leased(leases, State.SENDING), waits=waits)


_RENEW = Statement(f"""
    UPDATE delivery SET due_at = clock_timestamp() + interval '{claims.LEASE_SECONDS} seconds'
    WHERE id = {_OURS_STILL} AND {WITHIN.format(id="id")}
""")  # noqa: S608


def renew(leases: Sequence[Lease]) -> None:
    """Say that these rows are still being handed over."""
    if not leases:
        return
    with connection.cursor() as cursor:
        _RENEW.run(cursor, **_leased(leases, State.SENDING))


_FREE = f"""
    UPDATE delivery AS d SET lease = NULL, due_at = {_IN_ITS_PLACE}
    WHERE d.id = ANY(ARRAY(
        SELECT held.id FROM unnest(%(lanes)s::smallint[]) AS l(lane),
            unnest(%(channels)s::smallint[]) AS c(channel), LATERAL (
                SELECT id FROM delivery AS t
                WHERE t.lane = l.lane AND t.channel = c.channel AND t.state = {State.QUEUED:d}
                    AND {claims.HELD_BY}
                FOR NO KEY UPDATE SKIP LOCKED
            ) AS held
    ))
"""  # noqa: S608


def free(holders: Collection[int]) -> int:
    """Make due what these, who are gone, had claimed and not marked; returns how many rows.

    Safe even if they live, and only lost their session: their marks are guarded by their tokens.
    """
    values = {
        "lanes": list(LANES),
        "channels": [spec.number for spec in channels.every()],
        "holders": list(holders),
    }
    with connection.cursor() as cursor:
        cursor.execute(_FREE, values)
        return int(cursor.rowcount)


def _leased(leases: Sequence[Lease], state: State) -> dict[str, Any]:
    found = [id_ for id_, _ in leases]
    held = {"ids": found, "leases": [lease for _, lease in leases]}
    return {**held, "state": int(state), **span(found)}


_DUE_LANES = f"""
    SELECT lane, EXTRACT(epoch FROM clock_timestamp() - min(oldest.due_at))::float8
    FROM unnest(%(lanes)s::smallint[]) AS l(lane), unnest(%(channels)s::smallint[]) AS c(channel),
        LATERAL (
            SELECT t.due_at FROM delivery AS t
            WHERE t.lane = l.lane AND t.channel = c.channel AND t.state = {State.QUEUED:d}
                AND t.due_at <= statement_timestamp()
            ORDER BY t.due_at LIMIT 1
        ) AS oldest
    GROUP BY lane
"""  # noqa: S608


def due_lanes() -> list[tuple[int, float]]:
    """Lanes with due work and the age of the oldest, in seconds."""
    wanted = {"lanes": list(LANES), "channels": [spec.number for spec in channels.every()]}
    with connection.cursor() as cursor:
        cursor.execute(claims.IN_ORDER + _DUE_LANES, wanted)
        return [(lane, age) for lane, age in cursor.fetchall()]
