"""Outcomes, written down with all that follows from them."""

from collections.abc import Sequence
from typing import Any

from django.db import connection

from delivery import announcements, answers, channels, suppression
from delivery.lifecycle import EVIDENCE, RANK, OutcomeKind, State
from delivery.models.suppression import SuppressionReason
from delivery.queue.rows import Settled
from notifysite.plumbing import claims, ids
from notifysite.plumbing.partitions import WITHIN, span
from notifysite.plumbing.statements import Said, Statement, run_together

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
        "unknowns": [
            int(one.attempted and one.outcome.kind == OutcomeKind.UNKNOWN) for one in settled
        ],
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
