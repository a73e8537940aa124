"""The items of one person's inbox: which to show, how many, and what the person does with them."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Now

from delivery import feedback
from delivery.inbox import heads, hints
from delivery.inbox.heads import Head
from delivery.inbox.hints import Hint
from delivery.lifecycle import EventKind
from delivery.models import InboxItem

BATCH = 1000


class Shelf(enum.StrEnum):
    """Where an item is looked for. `all` is what is neither archived nor snoozed."""

    ALL = "all"
    UNSEEN = "unseen"
    UNREAD = "unread"
    READ = "read"
    ARCHIVED = "archived"
    SNOOZED = "snoozed"


class Mark(enum.StrEnum):
    """What a person does with items.

    Reading, archiving and snoozing are seeing too. A snoozed item comes back unread.
    """

    SEEN = "seen"
    READ = "read"
    UNREAD = "unread"
    ARCHIVE = "archive"
    UNARCHIVE = "unarchive"
    SNOOZE = "snooze"
    UNSNOOZE = "unsnooze"


@dataclass(frozen=True, slots=True)
class _Rule:
    """The SQL of a mark: whom it would change, how, and which items "all" means."""

    guard: str
    change: str
    everything: str = (
        "archived_at IS NULL AND (snoozed_until IS NULL OR snoozed_until <= clock_timestamp())"
    )


_SEEN_TOO = "seen_at = COALESCE(item.seen_at, %(at)s)"
_RULES = {
    Mark.SEEN: _Rule("seen_at IS NULL", "seen_at = %(at)s"),
    Mark.READ: _Rule("read_at IS NULL", f"read_at = %(at)s, {_SEEN_TOO}"),
    Mark.UNREAD: _Rule("read_at IS NOT NULL", "read_at = NULL"),
    Mark.ARCHIVE: _Rule("archived_at IS NULL", f"archived_at = %(at)s, {_SEEN_TOO}"),
    Mark.UNARCHIVE: _Rule("archived_at IS NOT NULL", "archived_at = NULL", "TRUE"),
    Mark.SNOOZE: _Rule(
        "snoozed_until IS DISTINCT FROM %(until)s",
        f"snoozed_until = %(until)s, read_at = NULL, {_SEEN_TOO}",
    ),
    Mark.UNSNOOZE: _Rule("snoozed_until IS NOT NULL", "snoozed_until = NULL", "TRUE"),
}
# Whoever did what an item asks for has read it.
_ACT = _Rule(
    "NOT COALESCE(done, '{}') ? %(action)s",
    """done = COALESCE(item.done, '{}') || jsonb_build_object(
        %(action)s::text, jsonb_build_object('at', %(at)s::timestamptz, 'by', %(by)s::text)
    ), read_at = COALESCE(item.read_at, %(at)s), """
    + _SEEN_TOO,
)
BY_RECIPIENT = "recipient"  # who did it; nobody else can yet

_ENGAGEMENT = {
    Mark.SEEN: EventKind.SEEN,
    Mark.READ: EventKind.READ,
    Mark.ARCHIVE: EventKind.ARCHIVED,
    Mark.SNOOZE: EventKind.SEEN,
}

# Every changed item takes a number of its own, so that a client pages through changes.
_THESE = "id = ANY(%(ids)s::uuid[])"
_MARK = """
    WITH wanted AS (
        SELECT id, row_number() OVER (ORDER BY seq) AS place FROM inbox_item
        WHERE recipient_id = %(recipient)s AND ({scope}) AND {guard}
            AND (expires_at IS NULL OR expires_at > clock_timestamp())
        ORDER BY seq LIMIT %(limit)s
    ), changed AS (
        UPDATE inbox_item AS item
        SET changed_seq = head.seq + wanted.place, {change}
        FROM wanted, inbox_head AS head
        WHERE item.id = wanted.id AND head.recipient_id = %(recipient)s
        RETURNING item.id, item.notification_id, item.changed_seq
    ), counted AS (
        UPDATE inbox_head SET seq = reached.seq
        FROM (SELECT max(changed_seq) AS seq FROM changed) AS reached
        WHERE recipient_id = %(recipient)s AND reached.seq IS NOT NULL
    )
    SELECT id, notification_id FROM changed
"""


@dataclass(frozen=True, slots=True)
class Marked:
    """How many items changed, and where the inbox stands after it."""

    changed: int
    head: Head


def on_shelf(recipient_id: int, shelf: Shelf) -> QuerySet[InboxItem]:
    """The items of a shelf; those expired are on none."""
    return visible(recipient_id).filter(_SHELVES[shelf])


def visible(recipient_id: int) -> QuerySet[InboxItem]:
    """All items of a person that have not expired."""
    return InboxItem.objects.filter(
        Q(expires_at__isnull=True) | Q(expires_at__gt=Now()), recipient_id=recipient_id
    )


def changed_since(recipient_id: int, seq: int) -> QuerySet[InboxItem]:
    """What was stored or changed after a number, wherever it lies now."""
    return visible(recipient_id).filter(changed_seq__gt=seq)


_AWAKE = Q(archived_at__isnull=True) & (Q(snoozed_until__isnull=True) | Q(snoozed_until__lte=Now()))
_SHELVES = {
    Shelf.ALL: _AWAKE,
    Shelf.UNSEEN: _AWAKE & Q(seen_at__isnull=True),
    Shelf.UNREAD: _AWAKE & Q(read_at__isnull=True),
    Shelf.READ: _AWAKE & Q(read_at__isnull=False),
    Shelf.ARCHIVED: Q(archived_at__isnull=False),
    Shelf.SNOOZED: Q(archived_at__isnull=True, snoozed_until__gt=Now()),
}


def counts(recipient_id: int) -> dict[str, dict[str, int]]:
    """How many items lie on each shelf, by category, among the newest 10,000; one query."""
    newest = visible(recipient_id).order_by("-seq").values("id")[: heads.MOST_COUNTED]
    shelves = {str(shelf): Count("id", filter=where) for shelf, where in _SHELVES.items()}
    rows = (
        InboxItem.objects.filter(id__in=newest)
        .values("category")
        .order_by("category")
        .annotate(**shelves)
        .values_list("category", *shelves)
    )
    return {category: dict(zip(shelves, numbers, strict=True)) for category, *numbers in rows}


def mark(
    recipient_id: int,
    change: Mark,
    ids: Sequence[UUID],
    *,
    until: datetime | None = None,
) -> Marked:
    """Mark these items; ids that are not this person's, or need no change, are passed over."""
    return _mark(recipient_id, change, _THESE, ids=list(ids), until=until)


@transaction.atomic
def act(recipient_id: int, id: UUID, action: int) -> Marked:
    """Mark an action of an item, counted from 0, as done; one that is done stays as it is."""
    now = heads.lock([recipient_id])
    values = {"ids": [id], "action": str(action), "by": BY_RECIPIENT}
    rows = _change(recipient_id, _ACT, _THESE, at=now, **values)
    if rows:
        feedback.engage([(*rows[0], recipient_id)], EventKind.READ, at=now)
        feedback.act(id, action, by=BY_RECIPIENT, at=now)
    return _marked(recipient_id, rows)


def mark_all(
    recipient_id: int, change: Mark, *, up_to: int | None = None, until: datetime | None = None
) -> Marked:
    """Mark everything the change makes sense for; `up_to` spares what came after that number.

    Each round of at most 1,000 items commits by itself, so that no inbox is held for long.
    """
    scope = f"{_RULES[change].everything} AND seq <= %(up_to)s"
    if up_to is None:
        up_to = heads.read_one(recipient_id).seq
    changed = 0
    while True:
        marked = _mark(recipient_id, change, scope, up_to=up_to, until=until)
        changed += marked.changed
        if marked.changed < BATCH:
            return Marked(changed, marked.head)


@transaction.atomic
def _mark(recipient_id: int, change: Mark, scope: str, **values: Any) -> Marked:
    now = heads.lock([recipient_id])
    rows = _change(recipient_id, _RULES[change], scope, at=now, **values)
    if rows:
        _tell(recipient_id, change, rows, at=now)
    return _marked(recipient_id, rows)


def _change(
    recipient_id: int, rule: _Rule, scope: str, *, at: datetime, **values: Any
) -> list[tuple[UUID, UUID]]:
    """Change a batch of items in an inbox that is held; returns them with their notifications."""
    statement = _MARK.format(scope=scope, guard=rule.guard, change=rule.change)
    with connection.cursor() as cursor:
        cursor.execute(statement, {"recipient": recipient_id, "at": at, "limit": BATCH, **values})
        return list(cursor.fetchall())


def _marked(recipient_id: int, rows: Sequence[tuple[UUID, UUID]]) -> Marked:
    """Where the inbox stands now; if something changed, open tabs are told once it is committed."""
    head = heads.read_one(recipient_id)
    if rows:
        hint = Hint(recipient_id=recipient_id, seq=head.seq, unread=head.unread, silent=True)
        transaction.on_commit(partial(hints.offer, [hint]), robust=True)
    return Marked(len(rows), head)


def _tell(
    recipient_id: int, change: Mark, rows: Sequence[tuple[UUID, UUID]], *, at: datetime
) -> None:
    """Let what waits for this person to see a message know that they did."""
    if change in _ENGAGEMENT:
        engaged = [(id, notification_id, recipient_id) for id, notification_id in rows]
        feedback.engage(engaged, _ENGAGEMENT[change], at=at)
