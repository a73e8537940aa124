"""What a worker sees to do in a lane, by one statement."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db.models.functions import Now

from delivery import announcements, channels
from delivery.contracts import Change
from delivery.lifecycle import OutcomeKind, State
from delivery.models import Delivery
from notifications.looks import Seen, look
from notifications.words import Lane
from tests.factories import make_recipient, make_type
from tests.fakes.scripted import Ledger

pytestmark = pytest.mark.django_db

EVERY = [spec.number for spec in channels.every()]
NOTHING = Seen(notifications=False, deliveries=False, announcements=False, lost=False)


@pytest.fixture
def accepted(api: Any, provider: Ledger) -> None:
    """A notification by email, for a worker to find."""
    make_type("receipt", steps=[{"channel": "email"}])
    make_recipient("ann", email="ann@example.com")
    answer = api.post("/api/v1/notifications", {"type": "receipt", "to": "ann"})
    assert answer.status_code == 202


def seen(*, in_channels: list[int] = EVERY, lane: Lane = Lane.DEFAULT) -> Seen:
    """What is there to do."""
    return look(lane, channels=in_channels)


def is_due_again() -> None:
    """Let the one delivery fall due."""
    Delivery.objects.update(due_at=Now())


def test_where_there_is_nothing_to_do_nothing_is_seen() -> None:
    assert seen() == NOTHING


def test_a_notification_is_seen_in_its_own_lane_only(accepted: None) -> None:
    assert seen() == NOTHING._replace(notifications=True)
    assert seen(lane=Lane.BULK) == NOTHING


def test_a_notification_that_waits_for_later_is_not_seen(api: Any) -> None:
    make_type("receipt")
    body = {"type": "receipt", "to": "ann", "send_at": "2999-01-01T00:00:00Z"}
    assert api.post("/api/v1/notifications", body).status_code == 202

    assert seen() == NOTHING


def test_a_retry_is_seen_once_it_is_due_and_where_its_channel_counts(
    accepted: None, provider: Ledger, run: Callable[[], int]
) -> None:
    provider.script = [OutcomeKind.TRANSIENT]
    run()
    assert seen() == NOTHING

    is_due_again()
    email = channels.EMAIL.number
    assert seen(in_channels=[email]) == NOTHING._replace(deliveries=True)
    assert seen(in_channels=[one for one in EVERY if one != email]) == NOTHING


def test_what_became_of_a_delivery_is_seen_until_it_is_told(
    accepted: None, run: Callable[[], int]
) -> None:
    run()
    delivery = Delivery.objects.get()
    news = Change(
        delivery.id, delivery.notification_id, delivery.recipient_id, delivery.channel,
        state=State.DELIVERED, reason=None, provider="scripted", mode=delivery.mode, step=1,
    )  # fmt: skip
    announcements.announce([news], lane=Lane.DEFAULT)

    assert seen() == NOTHING._replace(announcements=True)
    assert seen(lane=Lane.BULK) == NOTHING
    run()
    assert seen() == NOTHING


def test_a_delivery_whose_answer_never_came_is_seen_from_every_lane(
    accepted: None, run: Callable[[], int]
) -> None:
    run()
    Delivery.objects.update(state=State.SENDING, due_at=Now())
    assert seen() == seen(lane=Lane.BULK) == NOTHING._replace(lost=True)

    run()
    assert seen() == NOTHING
