"""Plan what is due: claim notifications, decide, record, and queue the deliveries to be."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from django.db import DatabaseError, connection, transaction

from delivery import channels, queue
from delivery.dispatch import Dispatcher
from delivery.lifecycle import Reason
from notifications.catalog import types
from notifications.catalog.types import CatalogType
from notifications.planning import facts, secrets
from notifications.planning.decide import decide
from notifications.planning.decision import Decision, Does, StepDecision
from notifications.planning.facts import Case, Due
from notifications.words import OPEN, Lane, Status
from notifysite.plumbing import claims, ids
from notifysite.plumbing.failpoints import reached
from notifysite.plumbing.partitions import WITHIN, span
from notifysite.plumbing.statements import Statement, run_together

log = structlog.get_logger(__name__)

BATCH = 400

# One that broke off alone so often waits for us to mend what is wrong with it.
MOST_BROKEN_OFF = 5
MENDED_SECONDS = 3600.0

_OPEN = ", ".join(str(int(status)) for status in OPEN)
# A row that still has a lease was in a batch that broke off. The picked ids are an array because a
# join would read every past month into a hash.
_CLAIM = Statement(
    f"""
    UPDATE notification AS claimed SET lease = %(token)s::uuid,
        due_at = clock_timestamp() + interval '1 second' * CASE
            WHEN broken_off > {MOST_BROKEN_OFF} THEN {MENDED_SECONDS}
            ELSE {claims.LEASE_SECONDS} END,
        broken_off = broken_off + (lease IS NOT NULL AND broken_off = 0)::int
    WHERE {claims.HELD} AND claimed.id = ANY(ARRAY(
        SELECT t.id FROM notification AS t
        WHERE t.lane = %(lane)s::smallint AND t.status IN ({_OPEN}) AND t.due_at IS NOT NULL
            AND t.due_at <= statement_timestamp()
        ORDER BY t.due_at
        LIMIT %(limit)s::bigint
        FOR NO KEY UPDATE SKIP LOCKED
    ))
    RETURNING clock_timestamp(), broken_off, {types.STAMP.format(id="claimed.type_id")},
        {claims.columns(facts.COLUMNS)}
    """,  # noqa: S608 - names of our own tables and columns
    first=claims.LOSABLE + claims.IN_ORDER,
)


def plan_due(lane: Lane, *, limit: int = BATCH, taker: Dispatcher | None = None) -> int:
    """Decide one batch of a lane's due notifications; returns how many.

    What may leave at once is given to the `taker`, where it has room, and to the queue.
    Those whose last batch broke off are decided one by one, so that the one that ends its process
    is found, and takes no other with it.
    """
    token = claims.token()
    with connection.cursor() as cursor:
        _CLAIM.run(cursor, lane=int(lane), token=token, limit=limit)
        rows = cursor.fetchall()
    if not rows:
        return 0
    reached("plan.claimed")
    now = max(now for now, *_ in rows)
    rows.sort(key=lambda row: row[1])  # the likely culprit last
    found = [(broken_off, stamp, Due(*values)) for _, broken_off, stamp, *values in rows]
    stamps = {due.type_id: stamp for _, stamp, due in found}
    sound = [due for broken_off, _, due in found if not broken_off]
    _plan(sound, stamps, now=now, token=token, taker=taker)
    for due in [due for broken_off, _, due in found if broken_off]:
        _plan_alone(due, stamps, now=now, token=token)
    return len(rows)


# When the types of a batch were changed last.
_Stamps = Mapping[int, datetime]


def _plan(
    due: Sequence[Due],
    stamps: _Stamps,
    *,
    now: datetime,
    token: UUID,
    taker: Dispatcher | None = None,
) -> None:
    if due and (planned := _decided(due, types.stamped(stamps), now=now)):
        reached("plan.decided")
        taken = _record(planned, token=token, take=taker.free_channels() if taker else ())
        reached("plan.committed")
        if taker:
            taker.take(taken, token)


# Their leases stay: they say that planning broke off.
_FREE = f"""
    UPDATE notification SET due_at = clock_timestamp()
    WHERE id = ANY(ARRAY(
        SELECT held.id FROM unnest(%(lanes)s::smallint[]) AS l(lane), LATERAL (
            SELECT id FROM notification AS t
            WHERE t.lane = l.lane AND t.status IN ({_OPEN})
                AND {claims.HELD_BY}
            FOR NO KEY UPDATE SKIP LOCKED
        ) AS held
    ))
"""  # noqa: S608


def free(holders: Collection[int]) -> int:
    """Make due what these, who are gone, were planning; returns how many notifications."""
    values = {"lanes": [int(lane) for lane in Lane], "holders": list(holders)}
    with connection.cursor() as cursor:
        cursor.execute(_FREE, values)
        return int(cursor.rowcount)


_ALONE = "UPDATE notification SET broken_off = broken_off + 1 WHERE id = %s AND lease = %s"


def _plan_alone(due: Due, stamps: _Stamps, *, now: datetime, token: UUID) -> None:
    """Plan one that is under suspicion, and say so first: the next to claim it may be told."""
    with connection.cursor() as cursor:
        cursor.execute(_ALONE, [due.id, token])
    _plan([due], stamps, now=now, token=token)


def _decided(
    due: Sequence[Due], catalog: Mapping[int, CatalogType], *, now: datetime
) -> list["Planned"]:
    """All of a batch decided. One that cannot be holds up no other, and falls due again with its
    lease."""
    try:
        return [Planned.of(case) for case in facts.gather(due, now=now, catalog=catalog)]
    except DatabaseError:
        raise
    except Exception as error:  # noqa: BLE001 - else nothing behind it would ever leave
        if len(due) > 1:
            return [planned for one in due for planned in _decided([one], catalog, now=now)]
        log.error("not_decided", notification=str(due[0].id), error=type(error).__name__)
        return []


class Planned(NamedTuple):
    """A decided notification: where it stands now, and the deliveries it asks for."""

    case: Case
    decision: Decision
    fresh: tuple[StepDecision, ...]  # what leaves now
    status: Status
    reason: Reason | None
    body: str  # the decision as it is stored, JSON
    digest: bytes  # equal decisions are stored once

    @classmethod
    def of(cls, case: Case) -> "Planned":
        """Decide one case."""
        decision = decide(case.facts)
        fresh = tuple(step for step in decision.steps if _is_new(step, case))
        status, reason = _standing(decision, case, fresh)
        stored = _stored(tuple(map(_WITHOUT_ADDRESSES, decision.steps)))
        return cls(case, decision, fresh, status, reason, *stored)

    def deliveries(self, *, token: UUID, take: Collection[int]) -> list[dict[str, Any]]:
        """The rows to queue: one for each address of each step that leaves now; those of the
        channels to `take` under the token."""
        due, by_id = self.case.due, {one.id: one for one in self.case.addresses}
        return [
            {
                "id": ids.sibling(due.id),
                "notification_id": due.id,
                "recipient_id": due.recipient_id,
                "address_id": address,
                "address_hash": by_id[address].hash if address else None,
                "address_kind": channels.KINDS.get(by_id[address].kind) if address else None,
                "channel": step.channel,
                "step": step.step,
                "lane": due.lane,
                "mode": due.mode,
                "uncertain": self.case.type.uncertain,
                "expires_at": due.expires_at,
                "accepted_at": _since(step, self.case),
                "person_changed_at": self.case.wishes.changed_at,
                "lease": token if step.channel in take else None,
            }
            for step in self.fresh
            for address in step.addresses or (None,)
        ]


_KEPT = tuple(name for name in StepDecision._fields if name != "addresses")
_WITHOUT_ADDRESSES = attrgetter(*_KEPT)


@lru_cache(maxsize=1024)
def _stored(steps: tuple[tuple[Any, ...], ...]) -> tuple[str, bytes]:
    """A decision as it is stored, and its digest."""
    said = [StepDecision(**dict(zip(_KEPT, step, strict=True))) for step in steps]
    body = json.dumps([facts.write_step(step) for step in said], sort_keys=True)
    return body, hashlib.sha256(body.encode()).digest()


def _is_new(step: StepDecision, case: Case) -> bool:
    before = case.facts.past.get(step.step)
    settled = before is not None and before.decision.outcome is Does.SEND
    return step.outcome is Does.SEND and not settled


def _since(step: StepDecision, case: Case) -> datetime:
    """When a step could first leave: what it waited for until then is no delay of ours."""
    before = case.facts.past.get(step.step)
    if before is None:
        return case.start
    return max(case.start, min(before.decision.until or case.facts.now, case.facts.now))


def _standing(
    decision: Decision, case: Case, fresh: Sequence[StepDecision]
) -> tuple[Status, Reason | None]:
    """`planned` while something waits or is on its way; else `done`, or `cancelled` or `expired` if
    that is all that ever became of it."""
    under_way = any(
        state.name in ("QUEUED", "SENDING")
        for past in case.facts.past.values()
        for state in past.states
    )
    if decision.waits or fresh or under_way:
        return Status.PLANNED, None
    sent = any(step.outcome is Does.SEND for step in decision.steps)
    reasons = {step.reason for step in decision.steps if step.outcome is Does.SKIP}
    if not sent and case.facts.withdrawn and Reason.CANCELLED in reasons:
        return Status.CANCELLED, Reason.CANCELLED
    if not sent and Reason.EXPIRED in reasons:
        return Status.EXPIRED, Reason.EXPIRED
    return Status.DONE, None


_DECISIONS = Statement("""
    INSERT INTO decision (digest, body)
    SELECT digest, body::jsonb FROM unnest(%(digests)s::bytea[], %(bodies)s::text[])
        AS u(digest, body)
    ON CONFLICT (digest) DO NOTHING
""")
# Those that are still ours, in id order, as everybody locks notifications.
_OURS = f"n.lease = %(token)s::uuid AND n.status IN ({_OPEN})"
_LOCK = Statement(f"""
    SELECT FROM notification AS n
    WHERE n.id = ANY(%(ids)s::uuid[]) AND {_OURS} AND {WITHIN.format(id="n.id")}
    ORDER BY n.id FOR NO KEY UPDATE
""")
# Decisions are told by their place among the digests. `IS TRUE` has the planner look into a hash
# for what is ours; a join would compare each with each.
_SAVE = Statement(
    f"""
    WITH ours AS (
        UPDATE notification AS n SET status = u.status, reason = u.reason, due_at = u.due_at,
            decision_id = (ARRAY(
                SELECT d.id FROM unnest(%(digests)s::bytea[]) WITH ORDINALITY AS k(digest, place)
                LEFT JOIN decision AS d ON d.digest = k.digest ORDER BY k.place
            ))[u.place],
            lease = NULL, broken_off = 0, planned_at = COALESCE(n.planned_at, clock_timestamp())
        FROM unnest(%(ids)s::uuid[], %(statuses)s::smallint[], %(reasons)s::smallint[],
                %(places)s::int[], %(dues)s::timestamptz[])
            AS u(id, status, reason, place, due_at)
        WHERE n.id = u.id AND {_OURS}
        RETURNING n.id
    ), queued AS (
        {queue.INSERT} WHERE (u.notification_id IN (SELECT id FROM ours)) IS TRUE
    )
    SELECT id, clock_timestamp() FROM ours
    """,  # noqa: S608
    first=claims.LOSABLE + claims.ONE_BY_ONE,
)


def _record(
    planned: Sequence[Planned], *, token: UUID, take: Collection[int]
) -> Sequence[queue.Row]:
    """Write decisions, then notifications, then the deliveries of those that were still ours;
    returns the deliveries of the channels to `take`, which are claimed under the token.

    Deliveries are inserted for rows whose lease held, in the same transaction: a plan that was
    overtaken leaves nothing.
    """
    rows = [row for one in planned for row in one.deliveries(token=token, take=take)]
    over = [one.case for one in planned if one.status is not Status.PLANNED]
    secret = [case.due.id for case in over if case.type.sensitive]
    # It is one message, so a transaction of its own, but where there is more to say.
    with transaction.atomic() if secret else nullcontext(), connection.cursor() as cursor:
        decided, saved = _decisions(planned), {**_standings(planned), **queue.new(rows)}
        ours = {"ids": saved["ids"], "token": token, **span(saved["ids"])}
        reached("plan.before_commit")
        run_together(cursor, (_DECISIONS, decided), (_LOCK, ours), (_SAVE, decided | saved | ours))
        found = dict(cursor.fetchall())
        secrets.wipe([id_ for id_ in secret if id_ in found])
    if len(found) < len(planned):
        rows = [row for row in rows if row["notification_id"] in found]
    return queue.claimed(rows, now=max(found.values())) if rows else ()


def _decisions(planned: Sequence[Planned]) -> dict[str, Any]:
    """Each distinct decision, in an order in which nobody waits for each other; and the place of
    each notification's."""
    bodies = dict(sorted({one.digest: one.body for one in planned}.items()))
    place = {digest: number for number, digest in enumerate(bodies, 1)}
    return {
        "digests": list(bodies),
        "bodies": list(bodies.values()),
        "places": [place[one.digest] for one in planned],
    }


def _standings(planned: Sequence[Planned]) -> dict[str, Any]:
    return {
        "ids": [one.case.due.id for one in planned],
        "statuses": [int(one.status) for one in planned],
        "reasons": [one.reason and int(one.reason) for one in planned],
        "dues": [_due_at(one) for one in planned],
    }


def _due_at(planned: Planned) -> datetime | None:
    return planned.decision.due_at if planned.status is Status.PLANNED else None


_DUE_LANES = f"""
    SELECT l.lane, EXTRACT(epoch FROM clock_timestamp() - oldest.due_at)::float8
    FROM unnest(%s::smallint[]) AS l(lane), LATERAL (
        SELECT t.due_at FROM notification AS t
        WHERE t.lane = l.lane AND t.status IN ({_OPEN}) AND t.due_at <= statement_timestamp()
        ORDER BY t.due_at LIMIT 1
    ) AS oldest
"""  # noqa: S608


def due_lanes() -> list[tuple[int, float]]:
    """Lanes with due notifications and the age of the oldest, in seconds."""
    with connection.cursor() as cursor:
        cursor.execute(claims.IN_ORDER + _DUE_LANES, [[int(lane) for lane in Lane]])
        return [(lane, age) for lane, age in cursor.fetchall()]
