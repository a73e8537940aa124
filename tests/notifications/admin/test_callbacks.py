"""Operators see how callback endpoints fare, try them, and have them told again."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from delivery.lifecycle import OutcomeKind, Reason, State
from delivery.models import Attempt, AuditEntry, Delivery
from notifications.callbacks import queue
from notifications.callbacks.queue import Telling
from notifications.models import Callback, CallbackEndpoint
from notifications.words import CallbackEvent, Disabled, Lane
from notifysite.plumbing import ids
from tests.notifications.admin.rows import a_callback_endpoint, a_delivery, a_notification

pytestmark = pytest.mark.django_db
LIST = reverse("admin:notifications_callbackendpoint_changelist")


def page(endpoint: CallbackEndpoint, name: str = "change") -> str:
    return reverse(f"admin:notifications_callbackendpoint_{name}", args=[endpoint.pk])


def told_dead(endpoint: CallbackEndpoint, *, hours_ago: float = 0.0) -> Delivery:
    """A callback that was given up."""
    at = timezone.now() - timedelta(hours=hours_ago)
    notification = a_notification()
    id_ = ids.uuid7(int(at.timestamp() * 1000))
    queue.put(
        [
            Telling(
                id_, endpoint.pk, CallbackEvent.BOUNCED, Lane.DEFAULT, at,
                about=a_delivery(notification=notification).id, notification_id=notification.id,
            )
        ]
    )  # fmt: skip
    Delivery.objects.filter(pk=id_).update(
        state=State.DEAD, reason=Reason.RETRIES_EXHAUSTED, attempts=10
    )
    Attempt.objects.create(
        id=ids.sibling(id_), delivery_id=id_, number=1, provider="webhook",
        outcome=OutcomeKind.TRANSIENT, code="503", took_ms=17,
    )  # fmt: skip
    return Delivery.objects.get(pk=id_)


@pytest.fixture
def endpoint(db: None) -> CallbackEndpoint:
    return a_callback_endpoint()


def test_the_log_says_what_was_told_with_each_answer_and_time(
    desk: Client, endpoint: CallbackEndpoint
) -> None:
    told_dead(endpoint)
    shown = desk.get(page(endpoint))
    content = shown.content.decode()

    (one,) = shown.context["log"]
    assert (one["event"], one["state"], one["replayable"]) == ("delivery.bounced", "dead", True)
    assert [(it["row"].code, it["row"].took_ms) for it in one["tries"]] == [("503", 17)]
    assert "failed for now" in content
    assert "whsec_" not in content


def test_one_is_sent_again(desk: Client, endpoint: CallbackEndpoint, told: Any) -> None:
    first, other = told_dead(endpoint), told_dead(endpoint)
    answer = desk.post(page(endpoint, "replay"), {"delivery": str(first.id)}, follow=True)

    states = dict(Delivery.objects.filter(pk__in=[first.id, other.id]).values_list("id", "state"))
    assert states == {first.id: State.QUEUED, other.id: State.DEAD}
    assert told(answer) == ["1 is queued again."]
    again = desk.post(page(endpoint, "replay"), {"delivery": str(first.id)}, follow=True)
    assert told(again) == ["1 was on the way already."]


def test_all_of_this_endpoint_since_a_time_are_sent_again(
    desk: Client, endpoint: CallbackEndpoint, told: Any
) -> None:
    late, early = told_dead(endpoint), told_dead(endpoint, hours_ago=2)
    others = told_dead(a_callback_endpoint())
    mail = a_delivery(state=State.DEAD)

    assert told(desk.post(page(endpoint, "replay"), {"span": "1"}, follow=True)) == [
        "1 is queued again."
    ]
    assert Delivery.objects.get(pk=late.id).state == State.QUEUED
    assert Delivery.objects.get(pk=early.id).state == State.DEAD
    desk.post(page(endpoint, "replay"), {"span": ""})
    assert Delivery.objects.get(pk=early.id).state == State.QUEUED
    for other in (others, mail):
        assert Delivery.objects.get(pk=other.id).state == State.DEAD


def test_what_is_no_id_is_not_found(desk: Client, endpoint: CallbackEndpoint) -> None:
    assert desk.post(page(endpoint, "replay"), {"delivery": "x"}).status_code == 404


def test_it_is_switched_and_pinged_and_that_is_in_the_audit_trail(
    desk: Client, boss: Any, endpoint: CallbackEndpoint
) -> None:
    desk.post(page(endpoint, "switch"))
    endpoint.refresh_from_db()
    assert (endpoint.enabled, endpoint.disabled_reason) == (False, Disabled.SWITCHED_OFF)
    desk.post(page(endpoint, "switch"))
    endpoint.refresh_from_db()
    assert (endpoint.enabled, endpoint.disabled_reason) == (True, None)

    desk.post(page(endpoint, "ping"))
    assert Callback.objects.get().event == CallbackEvent.PING
    acts = AuditEntry.objects.filter(actor=f"admin:{boss.pk}").order_by("id")
    assert [act.action for act in acts] == [
        "callback_endpoint.changed", "callback_endpoint.changed", "callback_endpoint.tried",
    ]  # fmt: skip


def test_whoever_opens_the_list_is_told_of_those_that_ended(
    desk: Client, endpoint: CallbackEndpoint, told: Any
) -> None:
    assert told(desk.get(LIST)) == []
    ended = a_callback_endpoint()
    CallbackEndpoint.objects.filter(pk=ended.pk).update(
        enabled=False, disabled_reason=Disabled.GONE, disabled_at=timezone.now()
    )

    assert told(desk.get(LIST)) == [
        "1 endpoint is disabled for failing: what became of deliveries is not told there."
    ]
    rows = desk.get(LIST, {"state": "disabled"}).context["cl"].result_list
    assert [row.pk for row in rows] == [ended.pk]
    rows = desk.get(LIST, {"state": "well"}).context["cl"].result_list
    assert [row.pk for row in rows] == [endpoint.pk]
    assert "it answered 410" in desk.get(page(ended)).content.decode()


def test_a_dead_callback_is_among_the_dead_letters_and_leads_to_its_endpoint(
    desk: Client, endpoint: CallbackEndpoint
) -> None:
    row = told_dead(endpoint)
    every = desk.get(reverse("admin:delivery_delivery_changelist"))
    assert "a callback" in every.content.decode()

    answer = desk.get(reverse("admin:delivery_delivery_change", args=[row.id]))
    assert answer.headers["Location"] == page(endpoint)
    answer = desk.post(reverse("admin:delivery_delivery_replay_one", args=[row.id]))
    assert answer.headers["Location"] == page(endpoint)
    assert Delivery.objects.get(pk=row.id).state == State.QUEUED


@pytest.mark.parametrize(
    ("role", "seen", "deeds"),
    [("Editors", 403, 403), ("Support", 200, 403), ("Operators", 200, 302)],
)
def test_who_may_do_what(
    staff: Callable[[str], Client], endpoint: CallbackEndpoint, role: str, seen: int, deeds: int
) -> None:
    client = staff(role)
    assert client.get(page(endpoint)).status_code == seen
    for name in ("switch", "ping", "replay"):
        assert client.post(page(endpoint, name)).status_code == deeds
        assert client.get(page(endpoint, name)).status_code == 405
