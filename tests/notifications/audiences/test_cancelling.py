"""Taking an audience back, before, while and after it is made."""

from typing import Any
from uuid import UUID

import pytest
from rest_framework.test import APIClient

from delivery.lifecycle import Reason, State
from delivery.models import Delivery
from notifications import story
from notifications.audiences import expand
from notifications.intake import withdraw
from notifications.models import Audience, AudienceMember, Notification, Service
from notifications.planning import plan
from notifications.services import own
from notifications.words import AudienceStatus, Lane, Mode, Status
from preferences.models import Topic
from tests.factories import make_type
from tests.fakes.scripted import Ledger
from tests.notifications.audiences.rows import (
    LONG,
    TOPIC,
    URL,
    Run,
    Send,
    audience,
    crowd,
    make_all,
)
from tests.notifications.conftest import client_for

pytestmark = pytest.mark.django_db


def test_what_is_cancelled_before_it_begins_is_never_made(
    send: Send, tip: Any, gardeners: Topic, provider: Ledger, run: Run, api: APIClient
) -> None:
    url = send(TOPIC)["url"]
    answer = api.post(f"{url}/cancel")
    run()

    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert api.post(f"{url}/cancel").status_code == 200
    assert not Notification.objects.exists()
    assert Audience.objects.get().due_at is None


def test_a_test_key_does_not_take_back_an_audience_that_is_for_real(
    send: Send, tip: Any, gardeners: Topic
) -> None:
    url = send(TOPIC, cancellation_key="june")["url"]
    trial = client_for(Mode.TEST, Service.objects.get())

    assert trial.post(f"{url}/cancel").status_code == 404
    answer = trial.post(f"{URL}/cancel", {"cancellation_key": "june"}, format="json")

    assert answer.json()["code"] == "not_cancellable"
    assert Audience.objects.get().status == AudienceStatus.ACCEPTED


def test_a_cancelled_list_forgets_its_people(
    send: Send, tip: Any, run: Run, api: APIClient
) -> None:
    url = send([f"u{number}" for number in range(LONG)])["url"]
    api.post(f"{url}/cancel")
    assert AudienceMember.objects.count() == LONG
    run()

    assert not AudienceMember.objects.exists()
    assert not Notification.objects.exists()


def test_what_is_cancelled_half_way_takes_back_what_was_made(
    send: Send, tip: Any, gardeners: Topic, provider: Ledger, run: Run, api: APIClient
) -> None:
    url = send(TOPIC)["url"]
    expand.expand_due(Lane.BULK, chunk=1)
    plan.plan_due(Lane.BULK)
    assert Delivery.objects.count() == 1
    api.post(f"{url}/cancel")
    run()

    assert provider.taken == []
    (one,) = api.get(URL).json()["results"]
    assert one["status"] == "cancelled"
    assert [row["status"] for row in one["deliveries"]] == ["cancelled"]
    assert api.get(url).json()["notifications"] == 1
    (told,) = [entry.text for entry in story.tell(UUID(one["id"])) if entry.kind == "cancelled"
               and "audience" in entry.text]  # fmt: skip
    assert told == "Cancelled on request, with its whole audience."


def test_many_are_taken_back_in_batches(
    db: None, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    topic = crowd(30)
    caller = own.caller()
    row = audience(topic_id=topic.pk, service_id=caller.service_id)
    make_all()
    monkeypatch.setattr(withdraw, "BATCH", 7)

    assert withdraw.cancel_audience(row.request_id, caller=caller)
    taken = []
    while Audience.objects.get().due_at:
        taken.append(withdraw.withdraw_due(Lane.BULK))
    assert taken == [7, 7, 7, 7, 2]
    assert set(Notification.objects.values_list("status", flat=True)) == {Status.CANCELLED}


def test_planning_and_the_last_look_obey_a_cancel_before_the_rows_say_so(
    send: Send, tip: Any, gardeners: Topic, provider: Ledger, run: Run, api: APIClient
) -> None:
    url = send(TOPIC)["url"]
    expand.expand_due(Lane.BULK)
    plan.plan_due(Lane.BULK, limit=1)
    api.post(f"{url}/cancel")
    Audience.objects.update(due_at=None)  # nobody comes to take them back
    run()

    assert provider.taken == []
    assert set(Notification.objects.values_list("status", flat=True)) == {Status.CANCELLED}
    assert list(Delivery.objects.values_list("state", "reason")) == [
        (State.CANCELLED, Reason.CANCELLED)
    ]


def test_what_has_all_left_cannot_be_cancelled(
    send: Send, tip: Any, gardeners: Topic, provider: Ledger, run: Run, api: APIClient
) -> None:
    url = send(TOPIC)["url"]
    run()
    answer = api.post(f"{url}/cancel")

    assert (answer.status_code, answer.json()["code"]) == (409, "not_cancellable")
    assert api.get(url).json()["status"] == "done"


def test_what_waits_of_one_that_is_done_is_taken_back(
    send: Send, gardeners: Topic, provider: Ledger, run: Run, api: APIClient
) -> None:
    make_type("tip", steps=[{"channel": "in_app"}, {"channel": "email", "wait_seconds": 3600}])
    url = send(TOPIC)["url"]
    run()
    assert api.get(url).json()["status"] == "done"
    assert api.post(f"{url}/cancel").json()["status"] == "cancelled"
    run()

    assert set(Notification.objects.values_list("status", flat=True)) == {Status.CANCELLED}
    assert set(Delivery.objects.values_list("state", flat=True)) == {State.DELIVERED}


def test_a_cancellation_key_names_audiences_too(
    send: Send, tip: Any, gardeners: Topic, provider: Ledger, run: Run, api: APIClient
) -> None:
    send(TOPIC, cancellation_key="spring")
    send("ann", cancellation_key="spring")
    answer = api.post(f"{URL}/cancel", {"cancellation_key": "spring"}, format="json").json()
    run()

    assert (answer["cancelled"], answer["not_cancellable"]) == (1, 0)
    assert [one["status"] for one in answer["audiences"]] == ["cancelled"]
    assert provider.taken == []


def test_some_people_of_an_audience_can_be_spared_once_all_are_made(
    send: Send, tip: Any, gardeners: Topic, provider: Ledger, run: Run, api: APIClient
) -> None:
    send(TOPIC, cancellation_key="spring")
    body = {"cancellation_key": "spring", "user_ids": ["bob"]}
    early = api.post(f"{URL}/cancel", body, format="json")
    expand.expand_due(Lane.BULK)
    late = api.post(f"{URL}/cancel", body, format="json")
    run()

    assert (early.status_code, early.json()["code"]) == (409, "audience_expanding")
    assert early["Retry-After"] == "5"
    assert (late.json()["cancelled"], late.json()["audiences"]) == (1, [])
    assert [message.address for message in provider.taken] == ["ann@example.com"]
