"""What people stop at a provider, they have stopped here."""

from collections.abc import Callable
from uuid import UUID

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from delivery import channels, feedback
from delivery.contracts import Report
from delivery.lifecycle import EventKind
from delivery.models import Delivery
from preferences import privacy, wishes
from preferences.models import Choice, Recipient
from preferences.wishes import By
from tests.factories import make_category, make_type
from tests.fakes.scripted import Ledger

pytestmark = pytest.mark.django_db
EMAIL = channels.EMAIL.number
Run = Callable[[], int]


def sent(api: APIClient, run: Run, **category: object) -> UUID:
    """A mail of a category, on its way to Ann."""
    make_type("news", category=make_category("news", **category))
    to = {"user_id": "ann", "email": "ann@example.com"}
    answer = api.post("/api/v1/notifications", {"type": "news", "to": to}, format="json")
    assert answer.status_code == 202, answer.content
    run()
    return Delivery.objects.get(channel=EMAIL).id


def stop(delivery: UUID, key: str = "one") -> None:
    """Ann unsubscribes at the provider."""
    said = Report(kind=EventKind.UNSUBSCRIBED, at=timezone.now(), event_key=key, reference=delivery)
    feedback.report("scripted", [said])


def test_one_category_on_one_channel_is_off(api: APIClient, provider: Ledger, run: Run) -> None:
    stop(sent(api, run))
    run()

    chosen = Choice.objects.values_list("category__key", "channel", "enabled", "source")
    assert list(chosen) == [("news", EMAIL, False, "unsubscribe:scripted")]


def test_what_they_choose_afterwards_is_not_undone_by_a_repetition(
    api: APIClient, provider: Ledger, run: Run
) -> None:
    delivery = sent(api, run)
    stop(delivery)
    run()
    wishes.set_choice(
        Recipient.objects.get().pk,
        category="news",
        channel=EMAIL,
        enabled=True,
        by=By(actor="user:ann", source="person"),
        now=timezone.now(),
    )

    stop(delivery)
    run()

    assert list(Choice.objects.values_list("enabled", "source")) == [(True, "person")]


def test_of_a_mandatory_category_the_last_channel_stays(
    api: APIClient, provider: Ledger, run: Run
) -> None:
    delivery = sent(api, run, mandatory=True, default_channels=[EMAIL])
    stop(delivery)
    run()

    assert Choice.objects.count() == 0
    # And nothing waits for it forever.
    assert run() == 0


def test_who_was_erased_meanwhile_is_left_alone(api: APIClient, provider: Ledger, run: Run) -> None:
    delivery = sent(api, run)
    stop(delivery)
    privacy.erase("ann", actor="test", now=timezone.now())
    run()

    assert Choice.objects.count() == 0
