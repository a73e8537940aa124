"""Taking notifications back."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from delivery.lifecycle import State
from delivery.models import Announcement, AuditEntry, Delivery
from notifications.models import Notification
from notifications.planning import plan
from notifications.words import Lane, Mode, Status
from tests.factories import make_service, make_type
from tests.fakes.scripted import Ledger

pytestmark = pytest.mark.django_db
URL = "/api/v1/notifications"
Send = Callable[..., list[str]]
Run = Callable[[], int]


def cancel(client: APIClient, id_: object) -> Any:
    return client.post(f"{URL}/{id_}/cancel")


def test_what_was_only_accepted_never_leaves(
    shop: APIClient, send: Send, provider: Ledger, run: Run
) -> None:
    (id_,) = send("ann")

    answer = cancel(shop, id_)
    run()

    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert provider.taken == []
    assert not Delivery.objects.exists()


def test_what_is_queued_is_withdrawn_and_announced(
    shop: APIClient, send: Send, provider: Ledger, run: Run
) -> None:
    (id_,) = send("ann")
    plan.plan_due(Lane.DEFAULT)

    body = cancel(shop, id_).json()

    assert [(row["status"], row["reason"]) for row in body["deliveries"]] == [
        ("cancelled", "cancelled")
    ] * 2
    (announced,) = Announcement.objects.all()
    assert len(announced.changes) == 2
    run()
    assert provider.taken == []


def test_a_test_key_takes_back_only_what_test_keys_sent(caller: Any, send: Send) -> None:
    service = make_service("twin")
    live, trial = caller(service), caller(service, mode=Mode.TEST)
    body = {"cancellation_key": "order-1"}
    (real,), (tried,) = send("ann", by=live, **body), send("ben", by=trial, **body)

    assert cancel(trial, real).status_code == 404
    answer = trial.post(f"{URL}/cancel", body).json()

    assert [row["id"] for row in answer["results"]] == [tried]
    found = dict(Notification.objects.values_list("id", "status"))
    assert found == {UUID(real): Status.ACCEPTED, UUID(tried): Status.CANCELLED}
    assert cancel(live, real).status_code == 200


def test_a_step_that_waits_is_taken_back_and_what_left_stays(
    shop: APIClient, send: Send, provider: Ledger, run: Run
) -> None:
    make_type("nudge", steps=[{"channel": "in_app"}, {"channel": "email", "wait_seconds": 3600}])
    (id_,) = send("ann", type="nudge")
    run()

    body = cancel(shop, id_).json()

    assert body["status"] == "cancelled"
    assert [row["status"] for row in body["deliveries"]] == ["delivered"]
    Notification.objects.update(send_at=None)
    run()
    assert provider.taken == []


def test_cancelling_twice_is_cancelling_once(shop: APIClient, send: Send) -> None:
    (id_,) = send("ann")
    first, second = cancel(shop, id_), cancel(shop, id_)
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()
    assert AuditEntry.objects.filter(action="notification.cancelled").count() == 1


def test_what_has_left_cannot_be_taken_back(
    shop: APIClient, send: Send, provider: Ledger, run: Run
) -> None:
    (id_,) = send("ann")
    run()
    answer = cancel(shop, id_)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_cancellable")
    assert Notification.objects.get().status == Status.DONE


def test_what_is_being_handed_over_cannot_be_taken_back(shop: APIClient, send: Send) -> None:
    (id_,) = send("ann")
    plan.plan_due(Lane.DEFAULT)
    Delivery.objects.update(state=State.SENDING)

    assert cancel(shop, id_).json()["code"] == "not_cancellable"
    assert Notification.objects.get().status == Status.PLANNED


def test_a_plan_under_way_does_not_bring_it_back(
    shop: APIClient, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    (id_,) = send("ann")
    record = plan._record
    # The planner has read its facts; only then is it cancelled.
    monkeypatch.setattr(plan, "_record", lambda *a, **k: (cancel(shop, id_), record(*a, **k)))
    plan.plan_due(Lane.DEFAULT)

    assert Notification.objects.get().status == Status.CANCELLED
    assert not Delivery.objects.exists()


def test_another_service_cannot_take_it_back(caller: Callable[..., APIClient], send: Send) -> None:
    (id_,) = send("ann")
    auditor = caller(scopes=["notifications:send", "read:all"])
    for client in (caller(), auditor):
        assert cancel(client, id_).status_code == 404
    assert cancel(caller(), uuid4()).status_code == 404
    assert Notification.objects.get().status == Status.ACCEPTED


def test_a_cancellation_key_takes_back_all_or_some(shop: APIClient, send: Send) -> None:
    send("ann", "bo", "cy", cancellation_key="trip-1")
    send("ann", cancellation_key="trip-2")

    some = shop.post(f"{URL}/cancel", {"cancellation_key": "trip-1", "user_ids": ["bo"]})
    rest = shop.post(f"{URL}/cancel", {"cancellation_key": "trip-1"})

    assert (some.status_code, some.json()["cancelled"]) == (200, 1)
    assert [row["user_id"] for row in some.json()["results"]] == ["bo"]
    assert rest.json()["cancelled"] == 3
    assert {row["status"] for row in rest.json()["results"]} == {"cancelled"}
    assert Notification.objects.filter(status=Status.ACCEPTED).count() == 1


def test_a_key_that_takes_nothing_back_is_a_conflict(
    shop: APIClient, caller: Callable[..., APIClient], send: Send, provider: Ledger, run: Run
) -> None:
    send("ann", cancellation_key="trip-1")
    assert caller().post(f"{URL}/cancel", {"cancellation_key": "trip-1"}).status_code == 409
    run()
    for key in ("trip-1", "unheard-of"):
        answer = shop.post(f"{URL}/cancel", {"cancellation_key": key})
        assert (answer.status_code, answer.json()["code"]) == (409, "not_cancellable")


def test_cancelling_many_costs_as_much_as_cancelling_one(shop: APIClient, send: Send) -> None:
    shop.get("/api/v1/types")

    def cost(count: int) -> int:
        users = [f"u{n}" for n in range(count)]
        send(*users, cancellation_key=f"key-{count}")
        plan.plan_due(Lane.DEFAULT)
        with CaptureQueriesContext(connection) as queries:
            body = shop.post(f"{URL}/cancel", {"cancellation_key": f"key-{count}"}).json()
        assert body["cancelled"] == count
        return len(queries)

    assert cost(1) == cost(50)
