"""What deliveries tell: queue it for the endpoints that want it, and judge endpoints by how their
own callbacks fare."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from delivery.contracts import Change
from delivery.lifecycle import EventKind
from notifications.callbacks import health, listeners, queue
from notifications.callbacks.queue import Telling
from notifications.words import CALLBACK, CallbackEvent, Lane, Mode
from notifysite.plumbing import ids
from notifysite.plumbing.partitions import WITHIN, span
from notifysite.plumbing.statements import Statement

_STATES = {int(event) for event in CallbackEvent if event < CallbackEvent.OPENED}
_DEEDS = {
    CallbackEvent.OPENED: "opened_at",
    CallbackEvent.CLICKED: "clicked_at",
    CallbackEvent.SEEN: "seen_at",
    CallbackEvent.READ: "read_at",
}


class _Fact(NamedTuple):
    """What became of a delivery; `at` is None where its own row says when, or it is now."""

    about: UUID
    notification_id: UUID
    event: int
    at: datetime | None
    reason: int | None
    provider: str
    action: int | None = None


def observe(changes: Sequence[Change]) -> None:
    """Take word of deliveries; runs in the transaction that consumes it.

    Callbacks themselves are told to nobody.
    """
    if callbacks := [change for change in changes if change.step == CALLBACK]:
        health.judge(callbacks)
    told = [change for change in changes if change.step != CALLBACK]
    if told and listeners.there():
        queue.put(_tellings([*_states(told), *_deeds(told), *_acts(told)]))


def _states(changes: Sequence[Change]) -> Iterator[_Fact]:
    for change in changes:
        if change.moved and not change.seen and change.state in _STATES:
            yield _Fact(
                change.delivery_id,
                change.notification_id,
                change.state,
                None,
                change.reason,
                change.provider,
            )


_FIRST_TIMES = Statement(f"""
    SELECT id, {", ".join(_DEEDS.values())} FROM delivery_engagement
    WHERE id = ANY(%(ids)s::uuid[]) AND {WITHIN.format(id="id")}
""")  # noqa: S608 - columns of ours


def _deeds(changes: Sequence[Change]) -> Iterator[_Fact]:
    """All that people did with those of which something new is told: what was told before is
    known by its id."""
    seen = {change.delivery_id: change for change in changes if change.seen}
    if not seen:
        return
    with connection.cursor() as cursor:
        _FIRST_TIMES.run(cursor, ids=list(seen), **span(seen.keys()))
        found = cursor.fetchall()
    for id_, *moments in found:
        for event, at in zip(_DEEDS, moments, strict=True):
            if at is not None:
                change = seen[id_]
                yield _Fact(id_, change.notification_id, event, at, None, change.provider)


_ACTS = Statement(f"""
    SELECT delivery_id, code::smallint, at FROM delivery_event
    WHERE delivery_id = ANY(%(ids)s::uuid[]) AND kind = {EventKind.ACTED:d}
        AND {WITHIN.format(id="id")}
""")  # noqa: S608 - a constant of ours


def _acts(changes: Sequence[Change]) -> Iterator[_Fact]:
    """All actions that were done of those of which one was done now, as for deeds."""
    acted = {change.delivery_id: change for change in changes if change.acted is not None}
    if not acted:
        return
    with connection.cursor() as cursor:
        _ACTS.run(cursor, ids=list(acted), **span(acted.keys()))
        found = cursor.fetchall()
    for id_, action, at in found:
        of, provider = acted[id_].notification_id, acted[id_].provider
        yield _Fact(id_, of, CallbackEvent.ACTED, at, None, provider, action)


# A callback of what is urgent is not urgent.
_WANTED = Statement(f"""
    SELECT u.n, e.id, GREATEST(d.lane, {Lane.DEFAULT:d}), COALESCE(u.at,
        CASE u.event WHEN {CallbackEvent.SENT:d} THEN d.sent_at
            WHEN {CallbackEvent.DELIVERED:d} THEN d.delivered_at END,
        clock_timestamp())
    FROM unnest(%(abouts)s::uuid[], %(notifications)s::uuid[], %(events)s::smallint[],
        %(ats)s::timestamptz[]) WITH ORDINALITY AS u(about, notification, event, at, n)
    JOIN notification AS n ON n.id = u.notification AND n.id = ANY(%(notifications)s::uuid[])
        AND {WITHIN.format(id="n.id")}
    JOIN delivery AS d ON d.id = u.about AND d.id = ANY(%(abouts)s::uuid[])
        AND {WITHIN.format(id="d.id")}
    JOIN callback_endpoint AS e ON e.service_id = n.service_id AND e.enabled
        AND e.test = (n.mode = {Mode.TEST:d}) AND u.event = ANY(e.events)
    ORDER BY u.n, e.id
""")  # noqa: S608 - constants of ours


def _tellings(facts: Sequence[_Fact]) -> list[Telling]:
    """Each fact for each endpoint that wants it."""
    if not facts:
        return []
    abouts = [fact.about for fact in facts]
    with connection.cursor() as cursor:
        _WANTED.run(
            cursor,
            abouts=abouts,
            notifications=[fact.notification_id for fact in facts],
            events=[fact.event for fact in facts],
            ats=[fact.at for fact in facts],
            **span(abouts),
        )
        wanted = cursor.fetchall()
    return [_telling(facts[n - 1], *rest) for n, *rest in wanted]


def _telling(fact: _Fact, endpoint: int, lane: int, at: datetime) -> Telling:
    # A state may be come to again, after a replay; a first time is one for ever.
    again = fact.event in _STATES
    which = "" if fact.action is None else f":{fact.action}"
    what = f"callback:{endpoint}:{fact.event}{which}"
    return Telling(
        id=ids.sibling(fact.about) if again else ids.derived(fact.about, what),
        endpoint_id=endpoint,
        event=CallbackEvent(fact.event),
        lane=Lane(lane),
        at=at,
        about=fact.about,
        notification_id=fact.notification_id,
        reason=fact.reason,
        provider=fact.provider,
        action=fact.action,
    )
