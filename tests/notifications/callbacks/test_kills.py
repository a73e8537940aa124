"""Workers that die over an announcement: nothing is untold, and nothing told twice."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from rest_framework.test import APIClient

from delivery import feedback
from delivery.contracts import Report
from delivery.lifecycle import EventKind, State
from delivery.models import Announcement, Delivery
from notifications.models import Callback
from tests.e2e.processes import process
from tests.fakes.webhook_receiver import WebhookReceiver
from tests.notifications.callbacks.conftest import callbacks

pytestmark = pytest.mark.django_db(transaction=True)
Run = Callable[[], int]


@pytest.mark.parametrize(("place", "queued"), [("announce.consumed", 0), ("announce.committed", 2)])
def test_whoever_dies_over_an_announcement_leaves_each_callback_to_be_sent_once(
    shop: APIClient, endpoint: Any, send: Any, receiver: WebhookReceiver, run: Run,
    place: str, queued: int,
) -> None:  # fmt: skip
    endpoint(shop, "delivered", "opened")
    send(shop)
    run()
    about = Delivery.objects.get().id
    for kind in (EventKind.DELIVERED, EventKind.OPENED):
        news = Report(kind=kind, at=datetime.now(UTC), reference=about, event_key=kind.name)
        feedback.report("scripted", [news])

    dying = {"NOTIFYSITE_FAILPOINTS": f"{place}=exit"}
    with process("-m", "tests.fakes.telling_process", **dying) as killed:
        assert killed.wait(60) == 9
    assert (Callback.objects.count(), callbacks().count()) == (queued, queued)
    assert Announcement.objects.count() == (0 if queued else 2)

    run()
    assert sorted(got.payload["type"] for got in receiver.received) == [
        "delivery.delivered", "delivery.opened",
    ]  # fmt: skip
    assert receiver.copies == 0
    assert {row.state for row in callbacks()} == {State.DELIVERED}


def test_whoever_dies_over_a_callback_costs_one_copy_which_its_receiver_knows(
    shop: APIClient, endpoint: Any, send: Any, receiver: WebhookReceiver, run: Run
) -> None:
    endpoint(shop, "sent")
    send(shop)
    run()
    row = callbacks().get()
    # As a worker leaves it that posted it and died before it could say so.
    Delivery.objects.filter(pk=row.id).update(state=State.SENDING, due_at=datetime.now(UTC))
    run()
    again = callbacks().get()
    assert (again.state, again.unknowns) == (State.QUEUED, 1)
    Delivery.objects.filter(pk=row.id).update(due_at=datetime.now(UTC))
    run()

    assert callbacks().get().state == State.DELIVERED
    assert (len(receiver.received), receiver.copies) == (1, 1)
