"""What operators do about a provider: once, on the database's clock, with who and why."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.db.models.functions import Now

from delivery import dispatch, health, routing, steering
from delivery.health import Way
from delivery.lifecycle import Reason, State
from delivery.models import Attempt, AuditEntry, Breaker, Delivery, Route
from tests.fakes.scripted import Ledger

pytestmark = pytest.mark.django_db

FIRST, SECOND = Way("first", 1), Way("second", 1)
DEFAULT = 2
ANN = {"actor": "admin:7", "reason": "an invoice is in dispute"}
Two = dict[str, Ledger]
Queued = Callable[..., list[UUID]]


@pytest.fixture(autouse=True)
def _two(two_providers: Two) -> None:
    pass


def deeds() -> list[tuple[str, str, dict[str, Any]]]:
    rows = AuditEntry.objects.order_by("id")
    return list(rows.values_list("actor", "action", "detail"))


def drill_seconds() -> float:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXTRACT(epoch FROM drill_until - clock_timestamp())::float8"
            " FROM delivery_breaker"
        )
        return float(cursor.fetchone()[0])


def opened(way: Way, seconds: float = 600) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO delivery_breaker (provider, channel, opens, drained, reason, until)"
            " VALUES (%s, %s, 1, false, '503', clock_timestamp() + %s * interval '1 second')",
            [*way, seconds],
        )
    routing.forget()


def order() -> list[tuple[str, int, int, bool]]:
    return list(Route.objects.values_list("provider", "position", "weight", "enabled"))


def test_a_drain_is_written_down_once_with_who_and_why() -> None:
    assert steering.drain(FIRST, **ANN)
    assert not steering.drain(FIRST, **ANN)

    assert deeds() == [
        ("admin:7", "provider.drained", {"channel": 1, "reason": "an invoice is in dispute"})
    ]
    assert AuditEntry.objects.get().target == "provider:first"


def test_what_is_drained_gets_nothing_and_others_take_it(
    two_providers: Two, queued: Queued
) -> None:
    queued(3)
    steering.drain(FIRST, **ANN)

    dispatch.dispatch_due(DEFAULT)

    assert (len(two_providers["first"].taken), len(two_providers["second"].taken)) == (0, 3)


def test_with_nobody_else_messages_wait_for_a_drained_one_and_leave_when_it_resumes(
    two_providers: Two, queued: Queued
) -> None:
    queued(3)
    steering.drain(FIRST, **ANN)
    steering.drain(SECOND, **ANN)
    dispatch.dispatch_due(DEFAULT)
    assert set(Delivery.objects.values_list("state", "attempts")) == {(State.QUEUED, 0)}

    assert steering.resume(FIRST, **ANN)
    assert not steering.resume(FIRST, **ANN)
    Delivery.objects.update(due_at=Now())
    dispatch.dispatch_due(DEFAULT)

    assert len(two_providers["first"].taken) == 3


def test_a_drain_leaves_an_open_breaker_open() -> None:
    opened(FIRST)

    steering.drain(FIRST, **ANN)
    steering.resume(FIRST, **ANN)

    row = Breaker.objects.get()
    assert (row.opens, row.reason) == (1, "503")
    assert 590 < health.pulse(FIRST).wait() <= 600


def test_a_drill_fails_its_calls_until_it_is_ended(two_providers: Two, queued: Queued) -> None:
    assert steering.drill(FIRST, seconds=90, **ANN)
    assert 85 < drill_seconds() <= 90
    queued(2)
    dispatch.dispatch_due(DEFAULT)

    assert steering.end_drill(FIRST, **ANN)
    queued(1)
    dispatch.dispatch_due(DEFAULT)

    assert Attempt.objects.filter(provider="first", code="drill").count() == 2
    assert (len(two_providers["first"].taken), len(two_providers["second"].taken)) == (1, 2)
    assert [(action, detail.get("seconds")) for _, action, detail in deeds()] == [
        ("provider.drill_started", 90),
        ("provider.drill_ended", None),
    ]


def test_a_drill_that_runs_is_not_made_longer() -> None:
    steering.drill(FIRST, seconds=10, **ANN)

    assert not steering.drill(FIRST, seconds=900, **ANN)
    assert drill_seconds() <= 10


def test_a_drill_that_is_over_may_be_followed_by_another() -> None:
    steering.drill(FIRST, **ANN)
    Breaker.objects.update(drill_until=Now() - timedelta(seconds=1))

    assert not steering.end_drill(FIRST, **ANN)
    assert steering.drill(FIRST, **ANN)


@pytest.mark.parametrize("seconds", [0, -1, 901])
def test_a_drill_lasts_a_quarter_of_an_hour_at_most(seconds: int) -> None:
    with pytest.raises(ValueError, match="from 1 to 900 seconds"):
        steering.drill(FIRST, seconds=seconds, **ANN)


def test_the_end_of_a_drill_lets_the_next_message_try_it(
    two_providers: Two, queued: Queued
) -> None:
    steering.drill(FIRST, **ANN)
    queued(25)
    dispatch.dispatch_due(DEFAULT)
    assert "20 of 20 tries failed" in Breaker.objects.get().reason
    assert health.pulse(FIRST).wait() > 20

    steering.end_drill(FIRST, **ANN)
    queued(1)
    dispatch.dispatch_due(DEFAULT)

    assert health.pulse(FIRST).is_closed
    assert (len(two_providers["first"].taken), len(two_providers["second"].taken)) == (1, 25)


def test_the_end_of_a_drill_opens_no_breaker() -> None:
    steering.drill(FIRST, **ANN)
    steering.end_drill(FIRST, **ANN)

    assert Breaker.objects.get().until is None


def test_an_open_one_is_tried_now_when_somebody_says_so(two_providers: Two, queued: Queued) -> None:
    opened(FIRST)

    assert steering.try_now(FIRST, **ANN)
    assert not steering.try_now(FIRST, **ANN)
    queued(1)
    dispatch.dispatch_due(DEFAULT)

    assert len(two_providers["first"].taken) == 1
    assert [action for _, action, _ in deeds()] == ["provider.tried_now", "breaker.closed"]


def test_one_that_is_well_has_nothing_to_be_tried() -> None:
    assert not steering.try_now(FIRST, **ANN)
    assert deeds() == []


def test_messages_that_sleep_until_the_probe_are_woken_one_at_once_the_rest_soon_after(
    settings: Any, two_providers: Two, queued: Queued
) -> None:
    settings.DELIVERY_ROUTES = {"email": ["first"]}
    opened(FIRST)
    queued(20)
    dispatch.dispatch_due(DEFAULT)
    assert dispatch.dispatch_due(DEFAULT) == 0

    steering.try_now(FIRST, **ANN)

    assert dispatch.dispatch_due(DEFAULT) == 1
    assert len(two_providers["first"].taken) == 1
    soon = Delivery.objects.filter(state=State.QUEUED, due_at__lt=Now() + timedelta(seconds=10))
    assert soon.count() == 19


@pytest.mark.parametrize(
    "values",
    [
        {"lease": UUID(int=1)},
        {"reason": Reason.QUIET_HOURS},
        {"accepted_at": Now() + timedelta(seconds=300)},
        {"due_at": Now() + timedelta(hours=1)},
        {"channel": 2},
    ],
    ids=lambda values: next(iter(values)),
)
def test_messages_that_wait_for_something_else_sleep_on(
    queued: Queued, values: dict[str, Any]
) -> None:
    queued(1)
    Delivery.objects.update(**({"due_at": Now() + timedelta(seconds=300)} | values))
    before = Delivery.objects.get().due_at
    opened(FIRST)

    steering.try_now(FIRST, **ANN)

    assert Delivery.objects.get().due_at == before


def test_what_is_disabled_is_out_of_the_route_and_the_order_stays() -> None:
    assert steering.disable(FIRST, **ANN)
    assert not steering.disable(FIRST, **ANN)

    assert order() == [("first", 1, 100, False), ("second", 2, 100, True)]
    assert routing.aliases(1, mode=1) == ["second"]
    assert steering.enable(FIRST, **ANN)
    assert routing.aliases(1, mode=1) == ["first", "second"]
    assert [action for _, action, _ in deeds()] == ["route.disabled", "route.enabled"]


def test_what_changes_nothing_leaves_the_settings_in_charge() -> None:
    assert not steering.enable(FIRST, **ANN)
    assert not steering.weigh(FIRST, 100, **ANN)

    assert (order(), deeds()) == ([], [])


def test_where_nobody_is_left_what_waits_fails(queued: Queued) -> None:
    queued(1)
    steering.disable(FIRST, **ANN)
    steering.disable(SECOND, **ANN)

    dispatch.dispatch_due(DEFAULT)

    row = Delivery.objects.get()
    assert (row.state, row.reason) == (State.FAILED, Reason.NO_PROVIDER)


def test_a_weight_of_nothing_takes_it_out_and_enabling_brings_it_back() -> None:
    assert steering.weigh(FIRST, 0, **ANN)
    assert routing.aliases(1, mode=1) == ["second"]

    assert steering.enable(FIRST, **ANN)
    assert order()[0] == ("first", 1, 100, True)


@pytest.mark.parametrize("weight", [-1, 10_001])
def test_a_weight_has_bounds(weight: int) -> None:
    with pytest.raises(ValueError, match="from 0 to 10000"):
        steering.weigh(FIRST, weight, **ANN)


def test_a_provider_that_stood_by_comes_last_on_the_route(settings: Any) -> None:
    settings.DELIVERY_ROUTES = {"email": ["second"]}
    routing.forget()
    with pytest.raises(steering.NotCarried, match="not on the route of Email: enable it first"):
        steering.weigh(FIRST, 5, **ANN)

    assert steering.enable(FIRST, **ANN)
    assert order() == [("second", 1, 100, True), ("first", 2, 100, True)]


@pytest.mark.parametrize(
    "deed",
    [
        steering.drain, steering.resume, steering.drill, steering.end_drill, steering.try_now,
        steering.enable, steering.disable,
    ],
)  # fmt: skip
@pytest.mark.parametrize("way", [Way("nobody", 1), Way("first", 2)])
def test_what_is_not_configured_is_named_with_what_is(deed: Any, way: Way) -> None:
    with pytest.raises(steering.NotCarried, match=f"No provider '{way.alias}' carries"):
        deed(way, **ANN)
    assert deeds() == []
