"""What notifications keep about a person: theirs to have, and to have erased."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

from delivery import channels
from delivery.lifecycle import State
from delivery.models import Delivery, Engagement, InboxItem, OutboxMessage
from notifications.attachments import store
from notifications.attachments.store import Shown
from notifications.audiences import data
from notifications.audiences.data import Common
from notifications.models import (
    Audience,
    AudienceMember,
    Decision,
    Guest,
    Notification,
    NotificationType,
    Render,
)
from notifications.planning.readers import DATA
from notifications.planning.wording import VARIABLES
from notifications.words import AudienceKind, Status
from notifysite.plumbing.crypto import DataKey
from preferences.keys import data_keys

BATCH = 500

# When the person first did something with a message, and what only a machine did.
_DONE = (
    "opened_at", "clicked_at", "seen_at", "read_at", "archived_at", "converted_at",
    "machine_opened_at", "machine_clicked_at",
)  # fmt: skip
# Audiences whose lists still have people without their notification.
_WAITING: dict[str, Any] = {"kind": AudienceKind.LIST, "due_at__isnull": False}


def export(recipient_id: int) -> dict[str, Any]:
    """Every notification to a person: its data, what was decided, what was said, what became of
    it."""
    key = data_keys([recipient_id])[recipient_id]
    types = dict(NotificationType.objects.values_list("id", "key"))
    return {
        "attachments": [_file(one) for one in store.of_person(recipient_id)],
        "expected": list(_expected(recipient_id, types=types, key=key)),
        "notifications": [
            entry
            for batch in _batches(recipient_id)
            for entry in _entries(batch, types=types, key=key)
        ],
    }


def _file(one: Shown) -> dict[str, Any]:
    """A file that was uploaded for the person alone."""
    return {name: value for name, value in one.plain().items() if name != "user_id"}


def _expected(
    recipient_id: int, *, types: dict[int, str], key: DataKey
) -> Iterator[dict[str, Any]]:
    """Notifications to come, of lists that name the person."""
    waiting = {one.pk: one for one in Audience.objects.filter(**_WAITING).order_by("id")}
    shared = data.load(waiting)
    members = AudienceMember.objects.filter(audience_id__in=waiting, recipient_id=recipient_id)
    for member in members.order_by("audience_id"):
        audience = waiting[member.audience_id]
        own = _open(member.data, key, DATA) if member.data else {}
        yield {
            "request_id": audience.request_id,
            "type": types[audience.type_id],
            "created_at": audience.created_at,
            "send_at": audience.send_at,
            "data": {**shared[audience.pk].data, **own},
        }


def erase(recipient_id: int, user_id: str) -> None:
    """Remove what outlasts the person's key, and what nobody can read without it.

    Counts stay: the rows of notifications and deliveries say that, not what, to nobody in
    particular. Nothing more is sent: what is queued is withdrawn by the last look.
    """
    Guest.objects.filter(user_id=user_id).delete()
    waiting = Audience.objects.filter(**_WAITING).values("id")
    AudienceMember.objects.filter(audience_id__in=waiting, recipient_id=recipient_id).delete()
    for batch in _batches(recipient_id):
        ids = [row.id for row in batch]
        deliveries = Delivery.objects.filter(notification_id__in=ids).values("id")
        Render.objects.filter(id__in=deliveries).delete()
        Notification.objects.filter(id__in=ids).update(data=None, cancellation_key=None)
    InboxItem.objects.filter(recipient_id=recipient_id).delete()
    OutboxMessage.objects.filter(recipient_id=recipient_id).delete()
    store.erase(recipient_id)


def _batches(recipient_id: int) -> Iterator[list[Notification]]:
    last: UUID | None = None
    while True:
        rows = Notification.objects.filter(recipient_id=recipient_id).order_by("-id")
        batch = list((rows if last is None else rows.filter(id__lt=last))[:BATCH])
        if not batch:
            return
        yield batch
        last = batch[-1].id


def _entries(
    batch: list[Notification], *, types: dict[int, str], key: DataKey
) -> Iterator[dict[str, Any]]:
    ids = [row.id for row in batch]
    shared = data.load(row.audience_id for row in batch)
    decisions = dict(
        Decision.objects.filter(id__in={row.decision_id for row in batch}).values_list("id", "body")
    )
    deliveries = _deliveries(ids, key)
    for row in batch:
        yield {
            "id": row.id,
            "type": types[row.type_id],
            "created_at": row.created_at,
            "status": Status(row.status).name.lower(),
            "attachments": row.attachments or [],
            "data": _data(row, shared.get(row.audience_id, data.NOTHING), key),
            "decision": decisions.get(row.decision_id or 0),
            "deliveries": deliveries.get(row.id, []),
        }


def _deliveries(notifications: Iterable[UUID], key: DataKey) -> Mapping[UUID, list[dict[str, Any]]]:
    """By notification: each message, what it was made of, and what was done with it."""
    found = list(Delivery.objects.filter(notification_id__in=notifications).order_by("id"))
    ids = [one.id for one in found]
    renders = dict(Render.objects.filter(id__in=ids).values_list("id", "variables"))
    engaged = Engagement.objects.filter(id__in=ids).values("id", *_DONE)
    done = {row.pop("id"): row for row in engaged}
    items = InboxItem.objects.only("snoozed_until", "done").in_bulk(ids)
    deliveries: dict[UUID, list[dict[str, Any]]] = {}
    for one in found:
        said, item = renders.get(one.id), items.get(one.id)
        deliveries.setdefault(one.notification_id, []).append(
            {
                "channel": channels.by_number(one.channel).key,
                "status": State(one.state).name.lower(),
                "sent_at": one.sent_at,
                **done.get(one.id, dict.fromkeys(_DONE)),
                "snoozed_until": item.snoozed_until if item else None,
                "actions_done": item.done if item else None,
                "used": _open(said, key, VARIABLES) if said else None,
            }
        )
    return deliveries


def _data(row: Notification, shared: Common, key: DataKey) -> Any:
    """What was said to the person; None where it was forgotten."""
    own = _open(row.data, key, DATA) if row.data else {}
    return {**shared.data, **own} if row.data or shared.stored else None


def _open(sealed: Any, key: DataKey, context: str) -> Any:
    return json.loads(key.decrypt(bytes(sealed), context=context))
