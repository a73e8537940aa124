"""Replay dead letters for a service or an operator: audited, and their notifications open again.

A batch is a transaction: a process that dies half-way leaves the rest as dead as it was.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from delivery import channels
from delivery.lifecycle import Reason, State
from delivery.replay import Replayed, replay
from notifications import nudges
from notifications.services.authentication import Caller
from notifications.words import CALLBACK, Lane, Mode, Status
from notifysite.plumbing import audit, ids
from notifysite.plumbing.failpoints import reached

BATCH = 500
MOST = 10_000  # per call: the rest is for the next one


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which dead letters; None means any."""

    ids: Sequence[UUID] | None = None
    states: Sequence[int] | None = (State.DEAD,)
    channel: int | None = None
    provider: str | None = None
    reason: Reason | None = None
    type: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    endpoint: int | None = None

    def said(self) -> dict[str, Any]:
        """What was asked for, in words, for the audit trail: how many ids, not which."""
        said: dict[str, Any] = {
            "ids": None if self.ids is None else len(self.ids),
            "states": self.states and [State(state).name.lower() for state in self.states],
            "channel": self.channel and channels.by_number(self.channel).key,
            "provider": self.provider,
            "reason": self.reason and self.reason.name.lower(),
            "type": self.type,
            "since": self.since and self.since.isoformat(),
            "until": self.until and self.until.isoformat(),
            "endpoint": self.endpoint,
        }
        return {name: value for name, value in said.items() if value is not None}


_CLAUSES = {
    "ids": "d.id = ANY(%(ids)s::uuid[])",
    "states": "d.state = ANY(%(states)s::smallint[])",
    "channel": "d.channel = %(channel)s",
    "provider": "d.provider = %(provider)s",
    "reason": "d.reason = %(reason)s",
    "type": "n.type_id = (SELECT id FROM notification_type WHERE key = %(type)s)",
    "since": "d.id >= %(since)s",
    "until": "d.id < %(until)s",
    "endpoint": "n.endpoint_id = %(endpoint)s",
    "service": "n.service_id = %(service)s",
    "modes": "n.mode = ANY(%(modes)s::smallint[])",
    "after": "d.id > %(after)s",
}


def seen_by(caller: Caller) -> int | None:
    """The service whose rows a caller sees; None for all of them."""
    return None if caller.sees_all else caller.service_id


def _reach(caller: Caller) -> dict[str, Any]:
    return {"service": seen_by(caller), "modes": caller.touches}


def one(id_: UUID, *, caller: Caller) -> Replayed | None:
    """Replay one delivery; None where it does not exist for the caller."""
    found = _find({"ids": [id_], **_reach(caller)}, limit=1)
    return _replay([id_], caller) if found else None


def many(wanted: Filter, *, caller: Caller) -> tuple[Replayed, bool]:
    """Replay what a filter matches, oldest first; and whether more is left for another call."""
    total, more = Replayed(), True
    values = _values(wanted) | _reach(caller)
    after: UUID | None = None
    for _ in range(MOST // BATCH):
        found = _find({**values, "after": after}, limit=BATCH)
        if found:
            total, after = total + _replay(found, caller), found[-1]
        if len(found) < BATCH:
            more = False
            break
    audit.record(
        actor=caller.actor,
        action="deliveries.replayed",
        target="deliveries",
        detail={"filter": wanted.said(), **counts(total), "more": more},
    )
    return total, more


def counts(done: Replayed) -> dict[str, Any]:
    """How many became what; refusals by reason."""
    refused = Counter(
        reason.name.lower() if reason else "not_dead" for reason in done.refused.values()
    )
    return {
        "replayed": len(done.queued),
        "under_way": len(done.under_way),
        "refused": dict(refused),
    }


def count(wanted: Filter, *, caller: Caller) -> int:
    """How many a filter matches, counted up to one more than a call replays."""
    return len(_find(_values(wanted) | _reach(caller), limit=MOST + 1))


def _values(wanted: Filter) -> dict[str, Any]:
    return {
        "ids": wanted.ids and list(wanted.ids),
        "states": wanted.states and [int(state) for state in wanted.states],
        "channel": wanted.channel,
        "provider": wanted.provider,
        "reason": wanted.reason and int(wanted.reason),
        "type": wanted.type,
        "since": wanted.since and ids.floor(wanted.since),
        "until": wanted.until and ids.floor(wanted.until),
        "endpoint": wanted.endpoint,
    }


def _find(values: Mapping[str, Any], *, limit: int) -> list[UUID]:
    said = {name: value for name, value in values.items() if value is not None}
    where = " AND ".join(_CLAUSES[name] for name in said)
    sql = f"""
        SELECT d.id FROM delivery AS d, LATERAL (
            -- The limit keeps it a look-up for each: dead letters are few, a join reads them all.
            SELECT service_id, type_id, NULL::bigint AS endpoint_id, mode
            FROM notification WHERE id = d.notification_id
            UNION ALL
            SELECT e.service_id, NULL, e.id,
                CASE WHEN e.test THEN {Mode.TEST:d} ELSE {Mode.LIVE:d} END
            FROM callback AS c JOIN callback_endpoint AS e ON e.id = c.endpoint_id
            WHERE d.step = {CALLBACK:d} AND c.id = d.id
            LIMIT 1
        ) AS n
        WHERE {where} ORDER BY d.id LIMIT %(limit)s
    """  # noqa: S608 - clauses of our own
    with connection.cursor() as cursor:
        cursor.execute(sql, {**said, "limit": limit})
        return [id_ for (id_,) in cursor.fetchall()]


# Notifications are locked before deliveries, everywhere.
_LOCK = """
    SELECT FROM notification WHERE id = ANY(ARRAY(
        SELECT notification_id FROM delivery WHERE id = ANY(%s::uuid[])
    ))
    ORDER BY id FOR NO KEY UPDATE
"""
_REOPEN = f"""
    UPDATE notification SET status = {Status.PLANNED:d}
    WHERE status = {Status.DONE:d} AND id = ANY(ARRAY(
        SELECT notification_id FROM delivery WHERE id = ANY(%s::uuid[])
    ))
"""  # noqa: S608
_LANES = "SELECT DISTINCT lane FROM delivery WHERE id = ANY(%s::uuid[])"


def _replay(found: Sequence[UUID], caller: Caller) -> Replayed:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_LOCK, [list(found)])
        done = replay(found)
        cursor.execute(_REOPEN, [list(done.queued)])
        audit.record_all(
            actor=caller.actor,
            action="delivery.replayed",
            targets=[f"delivery:{id_}" for id_ in done.queued],
        )
        cursor.execute(_LANES, [list(done.queued)])
        lanes = [Lane(lane) for (lane,) in cursor.fetchall()]
        if lanes:
            transaction.on_commit(partial(nudges.nudge, *lanes), robust=True)
        reached("replay.before_commit")
    reached("replay.committed")
    return done
