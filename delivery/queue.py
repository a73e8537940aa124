"""The queue is the delivery table: claim, mark, settle, each one set-based statement.

A claim is a lease; the mark says "from here on the message may be out"; settle writes what came
of it, guarded by the lease. Rows of a worker that died fall due by themselves: unmarked ones are
simply sent, marked ones are `uncertain`.
"""

import time
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from delivery import announcements, answers, channels, suppression
from delivery.contracts import Change, Outcome
from delivery.lifecycle import EVIDENCE, RANK, OutcomeKind, State
from delivery.models.suppression import SuppressionReason
from delivery.verdicts import Verdict
from notifysite.plumbing import claims, ids
from notifysite.plumbing.partitions import WITHIN, span
from notifysite.plumbing.statements import Said, Statement, run_together

BATCH = 500
LANES = (1, 2, 3)  # notifications.words.Lane, which delivery knows only as numbers
GRACE_SECONDS = 15

_ROW = (
    "id", "notification_id", "recipient_id", "address_id", "address_kind", "channel", "step",
    "lane", "mode", "uncertain", "attempts", "unknowns", "provider", "accepted_at", "created_at",
    "expires_at",
)  # fmt: skip


class Row(NamedTuple):
    """A claimed delivery, in the order the statements return it."""

    id: UUID
    notification_id: UUID
    recipient_id: int
    address_id: int | None
    address_kind: int | None
    channel: int
    step: int
    lane: int
    mode: int
    uncertain: int
    attempts: int
    unknowns: int
    provider: str
    accepted_at: datetime
    created_at: datetime
    expires_at: datetime | None
    claimed_at: datetime
    read_at: float  # on the monotonic clock

    @property
    def now(self) -> datetime:
        """The database's time: what it said at the claim, and what has passed here since."""
        return self.claimed_at + timedelta(seconds=time.monotonic() - self.read_at)


def _rows(found: Iterable[Sequence[Any]]) -> list[Row]:
    read_at = time.monotonic()
    return [Row._make([*values, read_at]) for values in found]


class Settled(NamedTuple):
    """One row's outcome and what it makes of the row; `lease` is the token it was marked under."""

    row: Row
    lease: UUID
    provider: str
    outcome: Outcome
    verdict: Verdict
    attempted: bool = True


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
    RETURNING {claims.columns(_ROW)}, clock_timestamp()
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
        return _rows(cursor.fetchall())


# The state is a parameter: as a constant it would lead the planner to all that is queued.
_OURS_STILL = claims.ours_sql(table="delivery", still="state = %(state)s::smallint")
_MARK = Statement(f"""
    UPDATE delivery SET state = {State.SENDING:d}, attempts = attempts + 1, provider = %(provider)s,
        due_at = clock_timestamp() + interval '{claims.LEASE_SECONDS} seconds'
    WHERE id = {_OURS_STILL} AND {WITHIN.format(id="id")}
    RETURNING id, lease
""")  # noqa: S608

# A row and the token it was claimed under.
Lease = tuple[UUID, UUID]


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
    RETURNING claimed.state, {claims.columns(_ROW)}, clock_timestamp()
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
    return list(zip(states, _rows(values for _, *values in found), strict=True))


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


# The rank of a state by its number, as an SQL array: rank(s) is _RANKS[s].
_RANKS = "ARRAY[{}]::int[]".format(
    ",".join(str(RANK.get(State(n), 0)) if n in list(State) else "0" for n in range(1, 21))
)
_EVIDENCE = ",".join(str(int(state)) for state in EVIDENCE)
_OURS = f"(d.lease = u.lease AND d.state IN ({State.SENDING:d}, {State.UNCERTAIN:d}))"
_NEWS = f"(u.state IN ({_EVIDENCE}) AND ({_RANKS})[u.state] > ({_RANKS})[d.state])"
_OUT = f"u.state IN ({State.SENT:d}, {State.DELIVERED:d})"

_SETTLE = Statement(
    f"""
    WITH u AS (
        SELECT * FROM unnest(
            %(ids)s::uuid[], %(leases)s::uuid[], %(states)s::smallint[], %(reasons)s::smallint[],
            %(retries)s::float8[], %(refunds)s::smallint[], %(unknowns)s::smallint[],
            %(providers)s::text[], %(attempts)s::uuid[], %(outcomes)s::smallint[],
            %(codes)s::text[], %(details)s::text[], %(refs)s::text[], %(tooks)s::float8[],
            %(suppress)s::bool[], %(keeps)s::bool[]
        ) AS u(id, lease, state, reason, retry_in, refund, unknown, provider, attempt, outcome,
               code, detail, ref, took, suppress, keep)
    ), moved AS (
        UPDATE delivery AS d SET
            state = CASE WHEN {_OURS} OR {_NEWS} THEN u.state ELSE d.state END,
            reason = CASE WHEN {_OURS} OR {_NEWS} THEN u.reason ELSE d.reason END,
            due_at = CASE WHEN {_OURS} THEN
                clock_timestamp() + u.retry_in * interval '1 second' ELSE d.due_at END,
            provider = CASE WHEN u.attempt IS NULL THEN d.provider ELSE u.provider END,
            attempts = d.attempts - u.refund,
            unknowns = d.unknowns + u.unknown,
            lease = CASE WHEN d.lease = u.lease AND NOT u.keep THEN NULL ELSE d.lease END,
            sent_at = CASE WHEN {_OUT} THEN COALESCE(d.sent_at, clock_timestamp())
                ELSE d.sent_at END,
            delivered_at = CASE WHEN u.state = {State.DELIVERED:d}
                THEN COALESCE(d.delivered_at, clock_timestamp()) ELSE d.delivered_at END
        FROM u WHERE d.id = u.id AND (d.lease = u.lease OR {_NEWS})
        RETURNING d.id, d.notification_id, d.recipient_id, d.channel, d.state, d.reason, d.provider,
            d.mode, d.step, EXTRACT(epoch FROM d.sent_at - d.accepted_at)::float8 AS queued,
            CASE WHEN u.attempt IS NOT NULL THEN u.took END AS called,
            -- As it was when the statement began, which was after it was locked.
            d.state <> (SELECT was.state FROM delivery AS was WHERE was.id = d.id) AS moved,
            d.attempts + u.refund AS number, d.address_hash, u.provider AS taker, u.attempt,
            u.outcome, u.code, u.detail, u.ref, u.took, u.suppress
    ), tries AS (
        INSERT INTO delivery_attempt
            (id, delivery_id, number, provider, outcome, code, detail, provider_ref, took_ms)
        SELECT attempt, id, number, taker, outcome, code, detail, ref, (took * 1000)::int
        FROM moved WHERE attempt IS NOT NULL
    ), dead AS (
        INSERT INTO suppression AS s (channel, address_hash, reason, source, note)
        SELECT DISTINCT ON (channel, address_hash) channel, address_hash,
            CASE WHEN outcome = {OutcomeKind.OPTED_OUT:d} THEN {SuppressionReason.STOP:d}
                WHEN channel = ANY(%(devices)s::smallint[]) THEN {SuppressionReason.DEAD_TOKEN:d}
                ELSE {SuppressionReason.HARD_BOUNCE:d} END,
            'provider:' || taker, ''
        FROM moved WHERE suppress AND address_hash IS NOT NULL
        ORDER BY channel, address_hash, outcome DESC
        {suppression.WHERE_THERE_IS_ONE}
    ), told AS ({announcements.TELL})
    SELECT count(*) FROM moved
    """,  # noqa: S608
    first=claims.ONE_BY_ONE,
)

# In id order, so that two that write the same rows wait and never deadlock.
_LOCK = Statement(f"""
    SELECT FROM delivery WHERE id = ANY(%(ids)s::uuid[]) AND {WITHIN.format(id="id")}
    ORDER BY id FOR NO KEY UPDATE
""")


def settle(settled: Sequence[Settled], *, lane: int, beside: Sequence[Said] = ()) -> int:
    """Write outcomes, attempts, suppressions and the announcement of it all; returns how many rows
    it was written to. `beside`: what is to be said in the same transaction.

    Guarded by the lease: a stale worker changes nothing, save by evidence (the provider took it)
    that outranks what the row says. It is all one message, so a transaction of its own.
    """
    if not settled:
        return 0
    ordered = sorted(settled, key=lambda one: one.row.id.int)
    values = _settle_parameters(ordered, lane=lane)
    with connection.cursor() as cursor:
        run_together(cursor, *beside, (_LOCK, values), (_SETTLE, values))
        return int(cursor.fetchone()[0])


def _settle_parameters(settled: Sequence[Settled], *, lane: int) -> dict[str, Any]:
    verdicts = [one.verdict for one in settled]
    outcomes = [one.outcome for one in settled]
    found = [one.row.id for one in settled]
    return {
        **span(found),
        "lane": int(lane),
        "ids": found,
        "leases": [one.lease for one in settled],
        "states": [int(verdict.state) for verdict in verdicts],
        "reasons": [verdict.reason and int(verdict.reason) for verdict in verdicts],
        "retries": [verdict.retry_in for verdict in verdicts],
        "refunds": [int(verdict.refund) for verdict in verdicts],
        "unknowns": [int(one.attempted and one.outcome.kind == 7) for one in settled],
        "suppress": [verdict.suppress for verdict in verdicts],
        "keeps": [verdict.keep for verdict in verdicts],
        "providers": [one.provider for one in settled],
        "attempts": [ids.sibling(one.row.id) if one.attempted else None for one in settled],
        "outcomes": [int(outcome.kind) for outcome in outcomes],
        "codes": [answers.text(outcome.code)[:80] for outcome in outcomes],
        "details": [answers.text(outcome.detail)[:400] for outcome in outcomes],
        "refs": [answers.text(outcome.provider_ref)[:255] for outcome in outcomes],
        "tooks": [answers.seconds(outcome.took) for outcome in outcomes],
        "devices": [spec.number for spec in channels.every() if spec.every_address],
    }


_NEW = {
    "id": "uuid", "notification_id": "uuid", "recipient_id": "bigint", "address_id": "bigint",
    "address_hash": "bytea", "address_kind": "smallint", "channel": "smallint", "step": "smallint",
    "lane": "smallint", "mode": "smallint", "uncertain": "smallint", "expires_at": "timestamptz",
    "accepted_at": "timestamptz", "person_changed_at": "timestamptz", "lease": "uuid",
}  # fmt: skip
# Queues new deliveries, due now; a part of the statement that plans them. Those with a lease are
# claimed by being made.
INSERT = f"""
    INSERT INTO delivery ({", ".join(_NEW)}, state, attempts, unknowns, provider, due_at)
    SELECT *, {State.QUEUED:d}, 0, 0, '', CASE WHEN u.lease IS NULL THEN clock_timestamp()
        ELSE clock_timestamp() + interval '{claims.LEASE_SECONDS} seconds' END
    FROM unnest({", ".join(f"%({name})s::{kind}[]" for name, kind in _NEW.items())})
        AS u({", ".join(_NEW)})
"""  # noqa: S608 - names of our own columns


def new(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The values of INSERT; keys of the rows are columns of the table."""
    return {name: [row.get(name) for row in rows] for name in _NEW}


def claimed(rows: Iterable[dict[str, Any]], *, now: datetime) -> list[Row]:
    """Those of rows inserted just now that have a lease."""
    fresh = {"attempts": 0, "unknowns": 0, "provider": "", "created_at": now}
    leased = [row | fresh for row in rows if row.get("lease")]
    return _rows([*[row[name] for name in _ROW], now] for row in leased)


def cancel(notification_ids: Sequence[UUID], *, reason: int) -> list[Change]:
    """Withdraw what has not been marked yet; returns what was cancelled."""
    if not notification_ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE delivery SET state = {State.CANCELLED:d}, reason = %(reason)s, due_at = NULL
            WHERE notification_id = ANY(%(ids)s) AND state = {State.QUEUED:d}
                AND {WITHIN.format(id="id")}
            RETURNING id, notification_id, recipient_id, channel, state, reason, provider, mode,
                step
            """,  # noqa: S608
            {"ids": list(notification_ids), "reason": reason, **span(notification_ids)},
        )
        return [Change(*values) for values in cursor.fetchall()]


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
