"""Rows for every table on the desk, as many as asked for."""

import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from tempfile import TemporaryDirectory
from typing import Any

from django.contrib.auth.models import Group, User
from django.db import models
from django_celery_beat import models as beat

from delivery import channels, sandbox
from delivery.contracts import Content, Message
from delivery.lifecycle import OutcomeKind, Reason, State
from delivery.models import (
    Attempt,
    AuditEntry,
    Breaker,
    Delivery,
    Heartbeat,
    MessagePrice,
    OutboxMessage,
    Route,
    Suppression,
)
from notifications.attachments import store
from notifications.attachments.store import Upload
from notifications.callbacks import endpoints
from notifications.models import (
    Attachment,
    Audience,
    CallbackEndpoint,
    Layout,
    Notification,
    NotificationType,
    Service,
    Template,
)
from notifications.words import AudienceKind, CallbackEvent, Lane, Mode, Priority, Status
from notifysite.plumbing import audit, ids
from preferences.known import known
from preferences.models import Category, Recipient, Topic
from preferences.wanted import Wanted
from tests import factories

_numbers = itertools.count(1)


def a_notification(**values: Any) -> Notification:
    """A row as intake writes it, of a type, a service and a person of its own."""
    id_ = values.pop("id", None) or ids.uuid7()
    key = factories.make_key().key
    person = values.pop("person", None) or factories.make_recipient(email=f"p{id_.hex}@example.com")
    kind = values.pop("type", None) or factories.make_type()
    return Notification.objects.create(
        id=id_,
        request_id=id_,
        service_id=key.service_id,
        key_id=key.pk,
        recipient_id=person.pk,
        type_id=kind.pk,
        **{
            "mode": Mode.LIVE,
            "priority": Priority.NORMAL,
            "lane": Lane.DEFAULT,
            "status": Status.DONE,
            **values,
        },
    )


def a_callback_endpoint(**values: Any) -> CallbackEndpoint:
    """One of a service of its own."""
    said = {
        "test": False,
        "url": f"https://hooks.example.com/{next(_numbers)}",
        "events": [CallbackEvent.SENT],
        "actor": "test",
        **values,
    }
    service_id = said.pop("service_id", None) or factories.make_service().pk
    return endpoints.create(service_id, **said).endpoint


def an_attachment(**values: Any) -> Attachment:
    """A person's file, of a service of its own."""
    person = factories.make_recipient()
    owner = known([Wanted(person.user_id or "")], now=datetime.now(UTC))[person.user_id or ""]
    said = {"service_id": factories.make_service().pk, "person": owner, **values}
    upload = Upload(f"invoice {next(_numbers)}.pdf", b"%PDF")
    return Attachment.objects.get(uuid=store.put(upload, **said))


def an_audience(**values: Any) -> Audience:
    """A topic's, as intake writes it, of a type and a service of its own."""
    key = factories.make_key().key
    return Audience.objects.create(
        **{
            "request_id": ids.uuid7(),
            "service_id": key.service_id,
            "key_id": key.pk,
            "type_id": factories.make_type().pk,
            "mode": Mode.LIVE,
            "priority": Priority.NORMAL,
            "lane": Lane.BULK,
            "kind": AudienceKind.TOPIC,
            "topic_key": "gardening_tips",
            "estimated": 2,
            "due_at": datetime.now(UTC),
            **values,
        }
    )


def a_delivery(notification: Notification | None = None, **values: Any) -> Delivery:
    """A dead letter unless told otherwise."""
    notification = notification or a_notification()
    now = datetime.now(UTC)
    return Delivery.objects.create(
        id=ids.sibling(notification.id),
        notification_id=notification.id,
        recipient_id=notification.recipient_id,
        **{
            "channel": channels.EMAIL.number,
            "step": 1,
            "lane": Lane.DEFAULT,
            "mode": Mode.LIVE,
            "uncertain": 1,
            "state": State.DEAD,
            "reason": Reason.RETRIES_EXHAUSTED,
            "attempts": 5,
            "provider": "email",
            "accepted_at": now,
            "person_changed_at": now,
            **values,
        },
    )


def tried(row: Delivery, *codes: str, detail: str = "") -> None:
    """Tries of a delivery, one for each code; none was taken."""
    for number, code in enumerate(codes, start=1):
        Attempt.objects.create(
            id=ids.sibling(row.id),
            delivery_id=row.id,
            number=number,
            provider=row.provider,
            outcome=OutcomeKind.UNKNOWN if code == "answer_lost" else OutcomeKind.TRANSIENT,
            code=code,
            detail=detail,
        )


def an_outbox_message(channel: str = "sms", **content: Any) -> OutboxMessage:
    """A message the sandbox took."""
    person = factories.make_recipient(phone=f"+49170{next(_numbers):07d}")
    id_ = ids.uuid7()
    return keep(
        Message(
            reference=id_,
            notification=id_,
            recipient=person.pk,
            channel=channels.by_key(channel).number,
            address="+491701234567",
            content=Content(**(content or {"text": "Hello Ann"})),
            type="greeting",
        )
    )


def keep(message: Message) -> OutboxMessage:
    """Hand a message to the sandbox and find what it kept."""
    with TemporaryDirectory() as folder:
        list(sandbox.Sandbox("sandbox", folder=folder).send([message]))
    return OutboxMessage.objects.get(delivery_id=message.reference)


def _suppression() -> Suppression:
    return Suppression.objects.create(
        channel=1, address_hash=f"hash {next(_numbers)}".encode(), reason=1, source="test"
    )


def _audit_entry() -> AuditEntry:
    audit.record(actor="test", action="test.done", target=f"test:{next(_numbers)}")
    return AuditEntry.objects.latest("id")


def _periodic_task() -> beat.PeriodicTask:
    every, _ = beat.IntervalSchedule.objects.get_or_create(every=1, period="days")
    return beat.PeriodicTask.objects.create(
        name=f"task {next(_numbers)}", task="notifications.tasks.keep_house", interval=every
    )


def _template() -> Template:
    kind = factories.make_type(steps=[{"channel": "sms"}])
    return Template.objects.get(type=kind)


MAKERS: dict[type[models.Model], Callable[[], Any]] = {
    NotificationType: factories.make_type,
    Template: _template,
    Layout: lambda: Layout.objects.create(key=f"layout_{next(_numbers)}", name="Layout"),
    Category: factories.make_category,
    Topic: factories.make_topic,
    Recipient: factories.make_recipient,
    Suppression: _suppression,
    MessagePrice: lambda: MessagePrice.objects.create(
        channel=2, prefix=f"+{next(_numbers) + 1}", currency="EUR", as_of="2026-01-31"
    ),
    Notification: a_notification,
    Audience: an_audience,
    Attachment: an_attachment,
    CallbackEndpoint: a_callback_endpoint,
    Delivery: a_delivery,
    OutboxMessage: an_outbox_message,
    Breaker: lambda: Breaker.objects.create(channel=1, provider=f"alias-{next(_numbers)}"),
    Route: lambda: Route.objects.create(channel=1, provider=f"alias-{next(_numbers)}"),
    Heartbeat: lambda: Heartbeat.objects.create(name=f"worker-{next(_numbers)}", kind="worker"),
    AuditEntry: _audit_entry,
    Service: factories.make_service,
    User: lambda: User.objects.create_user(f"user {next(_numbers)}"),
    Group: lambda: Group.objects.create(name=f"group {next(_numbers)}"),
    beat.PeriodicTask: _periodic_task,
    beat.CrontabSchedule: lambda: beat.CrontabSchedule.objects.create(minute=next(_numbers) % 60),
    beat.IntervalSchedule: lambda: beat.IntervalSchedule.objects.create(
        every=next(_numbers), period="days"
    ),
    beat.SolarSchedule: lambda: beat.SolarSchedule.objects.create(
        event="sunrise", latitude=next(_numbers) % 90, longitude=1
    ),
    beat.ClockedSchedule: lambda: beat.ClockedSchedule.objects.create(
        clocked_time=datetime.now(UTC) + timedelta(days=next(_numbers))
    ),
}


def pretty(value: Any) -> str:
    """JSON as a browser sends it from a text area."""
    return json.dumps(value, indent=2)
