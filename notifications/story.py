"""The timeline of one notification, in plain words: the admin page, the API and a person's "why
did I get this" page all tell this one story.

Seven queries, and one more where a service was told of it; however long it is.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils.dateparse import parse_datetime

from delivery import channels
from delivery.lifecycle import EventKind, OutcomeKind, Reason, State
from delivery.models import Attempt, AuditEntry, Delivery, Engagement, Event
from notifications.callbacks import showing
from notifications.reasons import (
    ACTS,
    ANSWER_LOST,
    CODES,
    EVENTS,
    FIRST_TIMES,
    OUTCOMES,
    SOURCES,
    STATES,
    because,
    poison,
)
from notifications.words import CallbackEvent, Mode, Priority, Status
from notifysite.plumbing.partitions import within


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened. `ids` says to which delivery, step or attempt, and its codes."""

    at: datetime
    kind: str
    text: str
    ids: Mapping[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """As the API shows it."""
        return {"at": self.at, "kind": self.kind, "text": self.text, **self.ids}


@dataclass(frozen=True, slots=True)
class Head:
    """What the story starts with, in the order of the query's columns."""

    id: UUID
    created_at: datetime
    planned_at: datetime | None
    send_at: datetime | None
    status: int
    reason: int | None
    priority: int
    mode: int
    type: str
    service: str
    user_id: str | None
    request_id: UUID
    topic: str | None  # None for no audience, empty for a list
    decision: list[dict[str, Any]]


_HEAD = """
    SELECT n.id, n.created_at, n.planned_at, n.send_at, n.status, n.reason, n.priority, n.mode,
        t.name, s.name, r.user_id, n.request_id, a.topic_key, COALESCE(d.body, '[]'::jsonb)::text
    FROM notification AS n
    JOIN notification_type AS t ON t.id = n.type_id
    JOIN service AS s ON s.id = n.service_id
    LEFT JOIN recipient AS r ON r.id = n.recipient_id
    LEFT JOIN audience AS a ON a.id = n.audience_id
    LEFT JOIN decision AS d ON d.id = n.decision_id
    WHERE n.id = %s
"""


def tell(notification_id: UUID) -> list[Entry]:
    """What became of a notification, oldest first; nothing for one that does not exist."""
    head = _head(notification_id)
    if head is None:
        return []
    here = within([head.id])
    of_it = {"notification_id": head.id, **here}
    rows = list(Delivery.objects.filter(**of_it).order_by("created_at", "id"))
    of_them = {"delivery_id__in": [row.id for row in rows], **here}
    tries = list(Attempt.objects.filter(**of_them).order_by("created_at", "id"))
    news = list(Event.objects.filter(**of_them).order_by("at", "id"))
    done_by_people = Engagement.objects.filter(**of_it).order_by("id")
    acts = _acts(head, [row.id for row in rows])
    by_id = {row.id: row for row in rows}
    told = [
        *_beginning(head, rows),
        *(_queued(row) for row in rows),
        *(_try(one, by_id[one.delivery_id]) for one in tries),
        *(_news(one, by_id[one.delivery_id]) for one in news),
        *_engagement(done_by_people, by_id),
        *_acts_told(acts, by_id),
    ]
    told += [entry for row in rows for entry in _stands(row, told)]
    # Telling services goes on when all is done.
    return sorted([*told, *_end(head, told), *_callbacks(head)], key=_order)


# What happens at one moment happens in this order.
_RANKS = {
    kind: rank
    for rank, kind in enumerate(
        ("accepted", "decided", "queued", "attempt", "sent", "event", "delivered")
    )
}


def _order(entry: Entry) -> tuple[datetime, int]:
    return entry.at, _RANKS.get(entry.kind, len(_RANKS))


def _head(notification_id: UUID) -> Head | None:
    with connection.cursor() as cursor:
        cursor.execute(_HEAD, [notification_id])
        found = cursor.fetchone()
    if found is None:
        return None
    *columns, decision = found
    return Head(*(*columns, json.loads(decision)))


def _acts(head: Head, deliveries: Iterable[UUID]) -> list[AuditEntry]:
    targets = [f"notification:{head.id}", *(f"delivery:{id_}" for id_ in deliveries)]
    if head.topic is not None and head.status == Status.CANCELLED:
        targets.append(f"audience:{head.request_id}")
    return list(AuditEntry.objects.filter(target__in=targets).order_by("at", "id"))


def _beginning(head: Head, rows: list[Delivery]) -> Iterator[Entry]:
    later = f", not before {_clock(head.send_at)}" if head.send_at else ""
    key = Mode(head.mode).name.lower()
    whom = f" to the topic {head.topic!r}" if head.topic else ""
    yield Entry(
        at=head.created_at,
        kind="accepted",
        text=f"{head.service} asked with a {key} key to send {head.type!r}{whom}"
        f" with {Priority(head.priority).name.lower()} priority{later}.",
        ids={"notification_id": head.id, "mode": key},
    )
    if head.planned_at is None:
        return
    decided_at = min([head.planned_at, *(row.created_at for row in rows)])
    for step in head.decision:
        sent = (row.created_at for row in rows if row.step == step["step"])
        yield _decided(step, at=min(sent, default=decided_at))


_DONE_ABOUT = {"send": "send it", "hold": "hold it", "digest": "into the digest", "skip": "skip it"}


def _decided(step: Mapping[str, Any], *, at: datetime) -> Entry:
    reason = Reason[step["reason"].upper()] if step["reason"] else None
    until = parse_datetime(step["until"]) if step["until"] else None
    when = f" until {_clock(until)}" if until else ""
    whose = SOURCES.get(step["source"], step["source"])
    decided_by = f" Decided by {whose}." if whose else ""
    return Entry(
        at=at,
        kind="decided",
        text=f"Step {step['step']}, {_label_of_key(step['channel'])}: "
        f"{_DONE_ABOUT[step['outcome']]}{when}{because(reason)}.{decided_by}",
        ids={
            name: step[name] for name in ("step", "channel", "outcome", "reason", "until", "source")
        },
    )


def _queued(row: Delivery) -> Entry:
    return _entry(row, row.created_at, "queued", "queued.")


def _try(one: Attempt, row: Delivery) -> Entry:
    code = f" ({one.code})" if one.code else ""
    plain = f" {CODES[one.code]}" if one.code in CODES else ""
    # Nobody was there to time a try whose process ended.
    took = "" if one.code == ANSWER_LOST else f", after {one.took_ms} ms"
    return _entry(
        row,
        one.created_at,
        "attempt",
        f"try {one.number} with {one.provider}: "
        f"{OUTCOMES[OutcomeKind(one.outcome)]}{code}{took}.{plain}",
        attempt=one.number,
        provider=one.provider,
        outcome=OutcomeKind(one.outcome).name.lower(),
        code=one.code,
        took_ms=one.took_ms,
    )


def _news(one: Event, row: Delivery) -> Entry:
    if one.kind == EventKind.ACTED:
        return _acted(one, row)
    kind, code = EventKind(one.kind), f" ({one.code})" if one.code else ""
    machine = " This was a machine." if one.machine else ""
    return _entry(
        row,
        _not_before_sent(row, one.at),
        "event",
        f"{one.provider or 'the provider'} {EVENTS[kind]}{code}.{machine}",
        event=kind.name.lower(),
        provider=one.provider,
        code=one.code,
    )


def _acted(one: Event, row: Delivery) -> Entry:
    """What the person did with a button; the API counts them from 0, people from 1."""
    return _entry(
        row,
        one.at,
        "event",
        f"the person marked action {int(one.code) + 1} as done.",
        event=EventKind.ACTED.name.lower(),
        action=int(one.code),
        by=one.detail,
    )


def _engagement(rows: Iterable[Engagement], by_id: Mapping[UUID, Delivery]) -> Iterator[Entry]:
    for row in rows:
        for name, text in FIRST_TIMES.items():
            if (at := getattr(row, name)) and row.id in by_id:
                about = by_id[row.id]
                at = _not_before_sent(about, at)
                yield _entry(about, at, name.removesuffix("_at"), text)


def _not_before_sent(row: Delivery, at: datetime) -> datetime:
    """A provider's clock is not ours: nothing becomes of a message before it was sent."""
    return max(at, row.sent_at or at)


def _acts_told(acts: Iterable[AuditEntry], by_id: Mapping[UUID, Delivery]) -> Iterator[Entry]:
    for act in acts:
        kind, text = ACTS.get(act.action, ("act", act.action))
        what, _, id_ = act.target.partition(":")
        if what == "delivery":
            yield _entry(by_id[UUID(id_)], act.at, kind, text, actor=act.actor)
        else:
            yield Entry(at=act.at, kind=kind, text=text, ids={"actor": act.actor})


def _stands(row: Delivery, told: Iterable[Entry]) -> Iterator[Entry]:
    """That it was sent and arrived, and how it ended, where it ended otherwise."""
    if row.sent_at:
        yield _entry(row, row.sent_at, "sent", f"handed over to {row.provider or 'the provider'}.")
    if row.delivered_at:
        yield _entry(row, row.delivered_at, "delivered", "arrived.")
    state = State(row.state)
    if state in (State.QUEUED, State.SENDING, State.SENT, State.DELIVERED):
        return
    reason = Reason(row.reason) if row.reason else None
    # A row keeps no time of its end: it is that of the last thing that happened to it.
    mine = [entry for entry in told if entry.ids.get("delivery_id") == row.id]
    word = reason.name.lower() if reason else None
    lost = sum(entry.ids.get("code") == ANSWER_LOST for entry in mine)
    text = f"{STATES[state]}{because(reason)}. {poison(lost)}".rstrip()
    yield _entry(row, max(entry.at for entry in mine), state.name.lower(), text, reason=word)


def _callbacks(head: Head) -> Iterator[Entry]:
    """What the service was told; not where."""
    for one in showing.of_notification(head.id):
        event, state = CallbackEvent(one.row.event).key, State(one.delivery.state)
        yield Entry(
            at=one.row.created_at,
            kind="callback",
            text=f"Callback: {head.service} is told {event!r}: {STATES[state]}.",
            ids={
                "delivery_id": one.row.about,
                "callback_id": one.row.id,
                "event": event,
                "status": state.name.lower(),
                "attempts": one.delivery.attempts,
            },
        )


def _end(head: Head, told: Iterable[Entry]) -> Iterator[Entry]:
    status = Status(head.status)
    if status in (Status.ACCEPTED, Status.PLANNED, Status.CANCELLED):
        return
    last = max(entry.at for entry in told)
    text = "Expired before anything was sent." if status is Status.EXPIRED else "All done."
    yield Entry(at=last, kind=status.name.lower(), text=text, ids={"notification_id": head.id})


def _entry(row: Delivery, at: datetime, kind: str, text: str, **ids: Any) -> Entry:
    spec = channels.by_number(row.channel)
    return Entry(
        at=at,
        kind=kind,
        text=f"{spec.label}: {text}",
        ids={"delivery_id": row.id, "channel": spec.key, "step": row.step, **ids},
    )


def _label_of_key(key: str) -> str:
    return "preferred channel" if key == channels.PREFERRED_KEY else channels.by_key(key).label


def _clock(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
