"""An address that must not be used is looked for when planning, and once more at the last look."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from rest_framework.test import APIClient

from delivery import dispatch
from delivery.lifecycle import Reason, State
from delivery.models import Delivery, Suppression
from notifications.models import Decision
from notifications.planning import plan
from notifications.words import Lane
from preferences.addresses import email
from tests.factories import make_type
from tests.fakes.scripted import Ledger

pytestmark = pytest.mark.django_db

Run = Callable[[], int]
# By the database's clock; the second stays in force however slow the machine is.
OVER, AHEAD = Now() - timedelta(seconds=1), Now() + timedelta(hours=1)


@pytest.fixture
def ask(api: APIClient, provider: Ledger) -> Callable[..., Any]:
    """Send a mail to Ann, or ask what would become of it."""
    make_type("order_shipped", steps=[{"channel": "email"}])

    def post(path: str = "notifications") -> Any:
        body = {
            "type": "order_shipped",
            "to": {"user_id": "ann", "email": "ann@example.com"},
        }
        return api.post(f"/api/v1/{path}", body, format="json").json()

    return post


def suppress(end: Any) -> None:
    Suppression.objects.create(
        channel=1, address_hash=email("ann@example.com").hash, reason=5, expires_at=end
    )


@pytest.mark.parametrize("end", [None, AHEAD], ids=["for good", "for a time"])
def test_what_is_in_force_skips_the_step_when_planning(
    ask: Callable[..., Any], provider: Ledger, run: Run, end: Any
) -> None:
    suppress(end)
    ask()
    run()
    (step,) = Decision.objects.get().body
    assert (step["outcome"], step["reason"]) == ("skip", "suppressed")
    assert (provider.taken, Delivery.objects.count()) == ([], 0)


@pytest.mark.parametrize("end", [None, AHEAD], ids=["for good", "for a time"])
def test_what_came_into_force_after_planning_is_seen_by_the_last_look(
    ask: Callable[..., Any], provider: Ledger, end: Any
) -> None:
    ask()
    plan.plan_due(Lane.DEFAULT)
    suppress(end)
    dispatch.dispatch_due(Lane.DEFAULT)
    row = Delivery.objects.get()
    assert (row.state, row.reason) == (State.CANCELLED, Reason.SUPPRESSED)
    assert provider.taken == []


@pytest.mark.parametrize("planned_before", [False, True])
def test_what_has_expired_holds_nothing_back(
    ask: Callable[..., Any], provider: Ledger, run: Run, planned_before: bool
) -> None:
    if planned_before:
        ask()
        plan.plan_due(Lane.DEFAULT)
        suppress(OVER)
    else:
        suppress(OVER)
        ask()
    run()
    assert [message.address for message in provider.taken] == ["ann@example.com"]


@pytest.mark.parametrize(("end", "outcome"), [(OVER, "send"), (AHEAD, "skip"), (None, "skip")])
def test_explain_says_of_an_address_in_the_request_what_a_send_would_do(
    ask: Callable[..., Any], end: Any, outcome: str
) -> None:
    suppress(end)
    (step,) = ask("explain")["recipients"][0]["steps"]
    assert step["outcome"] == outcome
