"""Planning under adversity: one notification that cannot be decided holds up no other."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from delivery.lifecycle import OutcomeKind, State
from delivery.models import Delivery
from notifications.models import Decision, Notification
from notifications.planning import plan
from notifications.words import Lane, Status
from preferences.models import Recipient
from tests.e2e.processes import process
from tests.factories import make_category, make_type
from tests.fakes.scripted import Ledger

pytestmark = pytest.mark.django_db
URL = "/api/v1/notifications"
Run = Callable[[], int]
ANN = {"user_id": "ann", "email": "ann@example.com", "phone": "+493012345678"}
BO = {"user_id": "bo", "email": "bo@example.com"}


def send(api: APIClient, **body: Any) -> None:
    answer = api.post(URL, {"type": "order_shipped", **body}, format="json")
    assert answer.status_code == 202, answer.content


def let_time_pass(seconds: float) -> None:
    """Move everything that waits nearer by so many seconds."""
    with connection.cursor() as cursor:
        for column in ("due_at", "created_at", "send_at", "expires_at"):
            cursor.execute(
                f"UPDATE notification SET {column} = {column} - %s * interval '1 second'",
                [seconds],
            )
        for column in ("due_at", "accepted_at", "expires_at"):
            cursor.execute(
                f"UPDATE delivery SET {column} = {column} - %s * interval '1 second'", [seconds]
            )


def test_data_that_cannot_be_read_makes_an_expression_false_and_stops_nobody_else(
    api: APIClient, provider: Ledger, run: Run
) -> None:
    condition = {"path": "data.total", "is": "exists", "value": True}
    make_type(
        "order_shipped",
        steps=[{"channel": "email", "condition": 4, "expression": condition}],
        data_schema={"type": "object", "properties": {"total": {"type": "integer"}}},
    )
    send(api, to=[ANN, BO], data={"total": 1})
    ann = Recipient.objects.get(user_id="ann")
    Notification.objects.filter(recipient_id=ann.id).update(data=b"\x01" * 60)
    run()

    assert [message.address for message in provider.taken] == ["bo@example.com"]
    assert set(Notification.objects.values_list("status", flat=True)) == {Status.DONE}


def test_one_that_cannot_be_decided_holds_up_no_other(
    api: APIClient, provider: Ledger, run: Run
) -> None:
    """Its type is gone, which the desk does not allow: it falls due again with its lease."""
    make_type("order_shipped", steps=[{"channel": "email"}])
    send(api, to=[ANN, BO])
    ann = Recipient.objects.get(user_id="ann")
    Notification.objects.filter(recipient_id=ann.id).update(type_id=0)
    run()

    assert [message.address for message in provider.taken] == ["bo@example.com"]
    left = Notification.objects.get(recipient_id=ann.id)
    assert left.status == Status.ACCEPTED
    assert left.due_at is not None


PLAN = """
import django
django.setup()
from notifications.planning import plan
from notifications.words import Lane
plan.plan_due(Lane.DEFAULT)
"""


def plan_until_it_dies(passes: int) -> None:
    """Plan in a process that ends once so many batches have been decided."""
    with process("-c", PLAN, NOTIFYSITE_FAILPOINTS=f"plan.decided=exit@{passes}") as planner:
        assert planner.wait(60) == 9


def still_undecided() -> list[int]:
    """Of those that wait: how often deciding them broke off."""
    found = Notification.objects.filter(status=Status.ACCEPTED).order_by("broken_off")
    return list(found.values_list("broken_off", flat=True))


@pytest.mark.django_db(transaction=True)
def test_one_that_ends_its_process_is_found_and_takes_no_other_with_it(
    api: APIClient, provider: Ledger
) -> None:
    make_type("order_shipped", steps=[{"channel": "email"}])
    send(api, to=[{"user_id": f"u{n}", "email": f"u{n}@example.com"} for n in range(5)])

    plan_until_it_dies(1)  # the whole batch with it
    assert still_undecided() == [0, 0, 0, 0, 0]
    let_time_pass(31)
    plan_until_it_dies(3)  # each alone: two are through
    assert still_undecided() == [1, 1, 2]
    let_time_pass(31)
    plan_until_it_dies(3)  # the one it was comes last
    assert still_undecided() == [3]

    let_time_pass(31)
    plan.plan_due(Lane.DEFAULT)
    assert still_undecided() == []
    assert set(Notification.objects.values_list("broken_off", "lease")) == {(0, None)}


def test_one_that_can_never_be_decided_is_looked_at_once_an_hour_until_it_can(
    api: APIClient, provider: Ledger, run: Run
) -> None:
    make_type("order_shipped", steps=[{"channel": "email"}])
    send(api, to=ANN)
    right = Notification.objects.get().type_id
    Notification.objects.update(type_id=0)
    for _ in range(plan.MOST_BROKEN_OFF + 2):
        run()
        let_time_pass(31)
    left = Notification.objects.get()
    assert left.due_at is not None
    assert left.due_at - datetime.now(UTC) > timedelta(minutes=50)

    Notification.objects.update(type_id=right)
    run()
    assert provider.taken == []
    let_time_pass(3600)
    run()

    assert [message.address for message in provider.taken] == ["ann@example.com"]


def test_a_step_that_waited_long_is_tried_as_patiently_as_any(
    api: APIClient, provider: Ledger, run: Run
) -> None:
    """A step a week later is a week old when it leaves: its patience begins then."""
    make_type(
        "order_shipped",
        steps=[{"channel": "in_app"}, {"channel": "email", "wait_seconds": 604800, "condition": 2}],
    )
    provider.script = [OutcomeKind.TRANSIENT] * 5
    send(api, to=ANN)
    run()
    let_time_pass(604801)
    run()
    for _ in range(5):
        Delivery.objects.filter(state=State.QUEUED).update(due_at=datetime.now(UTC))
        run()

    assert Delivery.objects.get(channel=1).state == State.SENT


def test_a_time_to_send_that_has_passed_is_now(api: APIClient, provider: Ledger, run: Run) -> None:
    """Steps that wait, wait from now on, and retries are as many as ever."""
    make_type(
        "order_shipped",
        steps=[{"channel": "in_app"}, {"channel": "email", "wait_seconds": 120, "condition": 2}],
    )
    yesterday = datetime.now(UTC) - timedelta(days=2)
    send(api, to=ANN, send_at=yesterday.isoformat())
    run()

    assert provider.taken == []
    assert Notification.objects.get().status == Status.PLANNED


def test_a_fallback_that_waits_for_an_uncertain_step_ends_with_its_expiry(
    api: APIClient, provider: Ledger, run: Run
) -> None:
    """A lost answer that is never repeated may never be known: nothing waits for it for ever."""
    make_type(
        "order_shipped",
        category=make_category(default_channels=[1, 2]),
        steps=[{"channel": "email"}, {"channel": "sms", "condition": 3}],
        uncertain=3,
        ttl_seconds=300,
    )
    provider.script = [OutcomeKind.UNKNOWN]
    send(api, to=ANN)
    run()
    assert Notification.objects.get().status == Status.PLANNED

    let_time_pass(301)
    run()

    assert Notification.objects.get().status == Status.DONE
    body = Decision.objects.get(id=Notification.objects.get().decision_id).body
    assert [(step["channel"], step["reason"]) for step in body] == [
        ("email", None),
        ("sms", "expired"),
    ]


@pytest.mark.parametrize("minutes", [-10, 10])
def test_a_worker_whose_clock_is_wrong_decides_by_the_databases_clock(
    api: APIClient, provider: Ledger, run: Run, minutes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither is what lives five minutes called expired, nor what is due held back."""
    make_type("order_shipped", steps=[{"channel": "email"}], ttl_seconds=300)
    off(monkeypatch, minutes)
    send(api, to=ANN)
    run()

    assert [message.address for message in provider.taken] == ["ann@example.com"]
    assert Notification.objects.get().status == Status.DONE


def off(monkeypatch: pytest.MonkeyPatch, minutes: int) -> None:
    """Set this process's clock wrong, wherever the path of a notification reads it."""

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + timedelta(minutes=minutes)

    from delivery import dispatch, feedback
    from notifications.intake import accept
    from notifications.planning import seal

    for module in (dispatch, feedback, accept, plan, seal):
        if hasattr(module, "datetime"):
            monkeypatch.setattr(module, "datetime", Wrong)
