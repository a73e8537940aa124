"""Services are told what became of their deliveries: once each, signed, and nobody else's."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from rest_framework.test import APIClient

from delivery import announcements, feedback
from delivery.contracts import Report
from delivery.inbox import items
from delivery.lifecycle import EventKind, OutcomeKind, State
from delivery.models import Announcement, Delivery, Event, InboxItem
from notifications import figures, reading
from notifications.models import Callback, Notification
from notifications.words import CALLBACK, Lane, Mode, Status
from notifysite.plumbing.ids import moment
from preferences import links
from preferences.models import Recipient
from tests.factories import make_service, make_type
from tests.fakes.scripted import Ledger
from tests.fakes.webhook_receiver import WebhookReceiver
from tests.notifications.callbacks.conftest import callbacks

pytestmark = pytest.mark.django_db
Run = Callable[[], int]


def mail() -> Delivery:
    return Delivery.objects.exclude(step=CALLBACK).get()


def said(receiver: WebhookReceiver) -> list[tuple[str, str]]:
    return [(one.payload["type"], one.payload["data"].get("status")) for one in receiver.received]


def news(kind: EventKind) -> None:
    report = Report(kind=kind, at=datetime.now(UTC), reference=mail().id, event_key=kind.name)
    feedback.report("scripted", [report])


def test_what_became_of_a_delivery_is_posted_and_verified(
    shop: APIClient, endpoint: Any, send: Any, receiver: WebhookReceiver, run: Run
) -> None:
    endpoint(shop, "sent")
    id_ = send(shop)
    run()

    (got,) = receiver.received
    (told,) = callbacks()
    sent = mail()
    assert (told.state, got.id) == (State.DELIVERED, str(told.id))
    assert got.payload["type"] == "delivery.sent"
    at = datetime.fromisoformat(got.payload["timestamp"])
    assert abs((at - sent.sent_at).total_seconds()) < 0.001
    assert got.payload["data"] == {
        "delivery_id": str(sent.id),
        "notification_id": id_,
        "request_id": str(Notification.objects.get().request_id),
        "user_id": "ann",
        "notification_type": "order_shipped",
        "channel": "email",
        "status": "sent",
        "reason": None,
        "provider": "scripted",
        "action": None,
        "mode": "live",
    }
    assert "example.com" not in json.dumps(got.payload)


def test_only_what_was_asked_for_is_told(
    shop: APIClient, endpoint: Any, send: Any, receiver: WebhookReceiver, run: Run
) -> None:
    endpoint(shop, "bounced", "delivered")
    send(shop)
    run()
    assert said(receiver) == []

    news(EventKind.DELIVERED)
    news(EventKind.HARD_BOUNCE)
    run()
    assert sorted(said(receiver)) == [
        ("delivery.bounced", "bounced"), ("delivery.delivered", "delivered"),
    ]  # fmt: skip


def test_news_that_comes_again_is_told_once(
    shop: APIClient, endpoint: Any, send: Any, receiver: WebhookReceiver, run: Run
) -> None:
    endpoint(shop, "delivered")
    send(shop)
    run()
    for _ in range(3):
        news(EventKind.DELIVERED)
        run()
    assert said(receiver) == [("delivery.delivered", "delivered")]


def test_each_deed_of_the_person_is_told_once(
    shop: APIClient, endpoint: Any, send: Any, receiver: WebhookReceiver, run: Run
) -> None:
    endpoint(shop, "opened", "clicked", "seen", "read")
    send(shop)
    run()
    for kind in (EventKind.OPENED, EventKind.OPENED, EventKind.CLICKED, EventKind.READ):
        feedback.report(
            "scripted",
            [Report(kind=kind, at=datetime.now(UTC), reference=mail().id)],
        )
        run()

    assert sorted(type for type, _ in said(receiver)) == [
        "delivery.clicked", "delivery.opened", "delivery.read", "delivery.seen",
    ]  # fmt: skip


def test_each_action_that_was_done_is_told_once_and_which(
    shop: APIClient, endpoint: Any, receiver: WebhookReceiver, run: Run
) -> None:
    endpoint(shop, "acted")
    make_type(
        "day_off",
        steps=[{"channel": "in_app"}],
        words={
            "in_app": {
                "title": "A day off",
                "actions": [
                    {"label": "Approve", "url": "https://hr.test/yes"},
                    {"label": "Refuse", "url": "https://hr.test/no"},
                ],
            }
        },
    )
    shop.post("/api/v1/notifications", {"type": "day_off", "to": "ann"}, format="json")
    run()
    item = InboxItem.objects.get()
    for action in (1, 1, 0):
        items.act(item.recipient_id, item.id, action)
        run()

    told = [(one.payload["type"], one.payload["data"]["action"]) for one in receiver.received]
    assert told == [("delivery.acted", 1), ("delivery.acted", 0)]
    done = [datetime.fromisoformat(one.payload["timestamp"]) for one in receiver.received]
    kept = list(Event.objects.filter(kind=EventKind.ACTED).order_by("at").values_list("at"))
    assert [at.replace(microsecond=0) for at in done] == [
        at.replace(microsecond=0) for (at,) in kept
    ]


def test_a_failure_says_why(
    shop: APIClient, endpoint: Any, send: Any, receiver: WebhookReceiver,
    provider: Ledger, run: Run,
) -> None:  # fmt: skip
    endpoint(shop, "failed")
    provider.script.append(OutcomeKind.REFUSED_ADDRESS)
    send(shop)
    run()

    (got,) = receiver.received
    assert got.payload["data"]["reason"] == "address_dead"


def test_nobody_is_told_of_what_others_send(
    shop: APIClient, endpoint: Any, send: Any, receiver: WebhookReceiver, run: Run, caller: Any
) -> None:
    endpoint(shop, "sent")
    send(caller(make_service("other")))
    run()
    assert (receiver.received, Callback.objects.count()) == ([], 0)


def test_what_test_keys_send_is_told_where_test_keys_asked_for_it(
    shop: APIClient, shop_service: Any, endpoint: Any, send: Any, receiver: WebhookReceiver,
    run: Run, caller: Any,
) -> None:  # fmt: skip
    tester = caller(shop_service, mode=Mode.TEST)
    endpoint(shop, "delivered", url=f"{receiver.origin}/live")
    endpoint(tester, "delivered", url=f"{receiver.origin}/test")
    send(tester)
    run()

    (got,) = receiver.received
    assert (got.path, got.payload["data"]["mode"]) == ("/test", "test")


def test_two_endpoints_are_told_apart_and_each_signed_with_its_own_secret(
    shop: APIClient, endpoint: Any, send: Any, receiver: WebhookReceiver, run: Run
) -> None:
    made = [endpoint(shop, "sent", url=f"{receiver.origin}/{name}") for name in ("one", "two")]
    send(shop)
    run()

    assert sorted(got.path for got in receiver.received) == ["/one", "/two"]
    assert len({got.id for got in receiver.received}) == 2
    for call, one in zip(sorted(receiver.taken, key=lambda c: c.path), made, strict=True):
        receiver.secrets = [one["secret"]]
        assert receiver.verified(call) is not None


def test_callbacks_disturb_neither_the_notification_nor_any_figure(
    shop: APIClient, endpoint: Any, send: Any, receiver: WebhookReceiver, run: Run
) -> None:
    endpoint(shop, "sent", "delivered")
    id_ = send(shop)
    run()

    notification = Notification.objects.get()
    assert notification.status == Status.DONE
    shown = reading.one(notification.id, service_id=notification.service_id)
    assert shown is not None
    assert [one["channel"] for one in shown["deliveries"]] == ["email"]
    counted = [
        (labels["channel"], value)
        for metric, labels, value in figures.totals()
        if metric == figures.DELIVERIES
    ]
    assert counted == [("email", 1.0)]
    assert shop.post(f"/api/v1/notifications/{id_}/cancel").status_code == 409


def test_a_callback_is_told_to_nobody(
    shop: APIClient, endpoint: Any, send: Any, receiver: WebhookReceiver, run: Run
) -> None:
    endpoint(shop, "sent", "delivered", "failed", "dead")
    send(shop)
    run()
    assert [got.payload["data"]["channel"] for got in receiver.received] == ["email"]


def test_the_id_of_a_callback_lies_in_the_month_of_what_it_tells(
    shop: APIClient, endpoint: Any, send: Any, receiver: WebhookReceiver, run: Run
) -> None:
    endpoint(shop, "sent", "opened")
    send(shop)
    run()
    news(EventKind.OPENED)
    run()
    assert {moment(one.id) for one in callbacks()} == {moment(mail().id)}
    assert callbacks().count() == 2


def test_of_an_erased_person_nothing_is_told_but_what_became_of_it(
    shop: APIClient, endpoint: Any, send: Any, receiver: WebhookReceiver, run: Run
) -> None:
    endpoint(shop, "delivered")
    send(shop)
    run()
    news(EventKind.DELIVERED)
    announcements.consume(Lane.DEFAULT)
    assert shop.delete("/api/v1/users/ann").status_code in (200, 202, 204)
    run()

    (got,) = receiver.received
    assert (got.payload["data"]["user_id"], got.payload["data"]["status"]) == (None, "delivered")


def test_the_story_says_what_the_service_was_told_and_the_person_s_page_does_not(
    shop: APIClient, endpoint: Any, send: Any, receiver: WebhookReceiver, run: Run, client: Any
) -> None:
    endpoint(shop, "sent")
    id_ = send(shop)
    run()

    results = shop.get(f"/api/v1/notifications/{id_}/timeline").json()["results"]
    kinds = [entry["kind"] for entry in results]
    assert kinds == ["accepted", "decided", "queued", "attempt", "sent", "done", "callback"]
    (told,) = callbacks()
    assert {name: results[-1][name] for name in ("text", "callback_id", "status", "event")} == {
        "text": "Callback: Shop is told 'delivery.sent': arrived.",
        "callback_id": str(told.id),
        "status": "delivered",
        "event": "delivery.sent",
    }
    subject = Recipient.objects.get(user_id="ann").subject
    page = client.get(urlsplit(links.why_url(subject, mail().id)).path).content.decode()
    assert "handed over to scripted" in page
    assert "Callback" not in page


def test_an_observer_that_breaks_takes_the_callback_back_with_it(
    shop: APIClient, endpoint: Any, send: Any, receiver: WebhookReceiver, run: Run, settings: Any
) -> None:
    endpoint(shop, "delivered")
    send(shop)
    run()
    news(EventKind.DELIVERED)

    observers = settings.DELIVERY_OBSERVERS
    settings.DELIVERY_OBSERVERS = [*observers, f"{__name__}.breaks"]
    announcements.consume(Lane.DEFAULT)
    assert (callbacks().count(), Announcement.objects.count()) == (0, 1)

    settings.DELIVERY_OBSERVERS = observers
    run()
    assert said(receiver) == [("delivery.delivered", "delivered")]


def breaks(changes: Any) -> None:
    raise RuntimeError
