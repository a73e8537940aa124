"""A person's webhook, all the way: from the API to whoever verifies the signature."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from delivery import channels, registry, routing
from delivery.lifecycle import Reason, State
from delivery.models import Attempt, Delivery, OutboxMessage
from notifications.words import Mode
from preferences import addresses, devices
from preferences.models import Address
from tests.factories import make_category, make_recipient, make_type
from tests.fakes.service import Reply
from tests.fakes.webhook_receiver import WebhookReceiver
from tests.notifications.conftest import client_for

pytestmark = pytest.mark.django_db
Run = Callable[[], int]


@pytest.fixture
def receiver(settings: Any) -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as running:
        settings.OUTBOUND_ALLOWED_ORIGINS = [running.origin]
        routing.forget()
        yield running
        registry.get("webhook").close()
        registry.reset()
        routing.forget()


@pytest.fixture
def invoice(receiver: WebhookReceiver) -> None:
    hook = channels.WEBHOOK.number
    make_type(
        "invoice_ready",
        steps=[{"channel": "webhook"}],
        category=make_category("invoices", default_channels=[hook]),
        words={
            "webhook": {
                "title": "Invoice {{ data.number }}",
                "body": "For {{ recipient.user_id }}",
                "url": "https://example.com/{{ data.number }}",
            }
        },
    )
    ann = make_recipient("ann")
    reach = addresses.normalise(channels.WEBHOOK, receiver.url)
    made = devices.register(ann.pk, reach, actor="test", now=timezone.now())
    receiver.secrets = [made.secret or ""]


def send(api: APIClient) -> Any:
    body = {"type": "invoice_ready", "to": "ann", "data": {"number": "A-17"}}
    answer = api.post("/api/v1/notifications", body, format="json")
    assert answer.status_code == 202, answer.content
    return answer.json()["notifications"][0]["id"]


def test_it_is_posted_signed_and_delivered(
    api: APIClient, receiver: WebhookReceiver, invoice: None, run: Run
) -> None:
    id_ = send(api)
    run()

    delivery = Delivery.objects.get()
    (got,) = receiver.received
    assert (delivery.state, delivery.provider, delivery.attempts) == (State.DELIVERED, "webhook", 1)
    assert (got.id, got.payload["type"]) == (str(delivery.id), "invoice_ready")
    assert got.payload["data"] == {
        "title": "Invoice A-17",
        "body": "For ann",
        "url": "https://example.com/A-17",
        "notification_id": id_,
        "delivery_id": str(delivery.id),
        "user_id": "ann",
    }
    assert Attempt.objects.get().code == "204"


def test_one_that_is_gone_is_not_written_to_again(
    api: APIClient, receiver: WebhookReceiver, invoice: None, run: Run
) -> None:
    receiver.on_call(Reply(410))
    send(api)
    run()
    assert (Delivery.objects.get().state, Delivery.objects.get().reason) == (
        State.FAILED, Reason.ADDRESS_DEAD
    )  # fmt: skip

    send(api)
    run()
    assert len(receiver.taken) == 1
    assert Delivery.objects.count() == 1


def test_one_that_is_down_is_tried_again_by_the_schedule_and_no_other_suffers(
    api: APIClient, receiver: WebhookReceiver, invoice: None, run: Run
) -> None:
    receiver.on_call(*[Reply(503)] * 25)
    for _ in range(25):
        send(api)
    run()
    waiting = Delivery.objects.filter(state=State.QUEUED, attempts=1)
    assert waiting.count() == 25
    assert all(5 <= (row.due_at - row.created_at).total_seconds() < 60 for row in waiting)

    # So many failures would open the breaker of a provider that is one server for all.
    send(api)
    run()
    assert Delivery.objects.filter(state=State.DELIVERED).count() == 1


def test_a_test_key_reaches_nobody(receiver: WebhookReceiver, invoice: None, run: Run) -> None:
    send(client_for(Mode.TEST))
    run()

    assert Delivery.objects.get().provider == "test"
    assert (receiver.connections, OutboxMessage.objects.count()) == (0, 0)


def test_one_without_a_secret_is_not_posted_to(
    api: APIClient, receiver: WebhookReceiver, invoice: None, run: Run
) -> None:
    Address.objects.update(secret=None)
    send(api)
    run()

    assert Delivery.objects.get().reason == Reason.PROVIDER_REJECTED
    assert Attempt.objects.get().code == "no_secret"
    assert receiver.connections == 0
