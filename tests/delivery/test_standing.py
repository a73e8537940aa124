"""How providers stand: what matters most about each, and who is given messages now."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from delivery import standing
from delivery.models import Breaker, Route
from delivery.standing import State

pytestmark = pytest.mark.django_db

EMAIL = 1


@pytest.fixture(autouse=True)
def _two(two_providers: Any) -> None:
    pass


def switched(alias: str, **seconds: Any) -> None:
    """Columns as seconds from now, or as they are."""
    row = Breaker.objects.create(
        provider=alias, channel=EMAIL, reason="503", drained=seconds.pop("drained", False)
    )
    for name, value in seconds.items():
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE delivery_breaker SET {name} = clock_timestamp()"
                " + %s * interval '1 second' WHERE id = %s",
                [value, row.pk],
            )


def states() -> dict[str, State]:
    return {one.way.alias: one.state for one in standing.read(channel=EMAIL)}


def takes() -> dict[str, tuple[float, float]]:
    return {one.way.alias: (one.by_weight, one.takes) for one in standing.read(channel=EMAIL)}


@pytest.mark.parametrize(
    ("switches", "state"),
    [
        ({}, State.WELL),
        ({"until": 60}, State.OPEN),
        ({"until": -1}, State.PROBING),
        ({"until": -1, "probe_until": 20}, State.PROBING),
        ({"drill_until": 60}, State.DRILLED),
        ({"drill_until": -1}, State.WELL),
        ({"drill_until": 60, "until": 60}, State.OPEN),
        ({"drained": True, "until": 60}, State.DRAINED),
    ],
)
def test_what_matters_most_is_its_state(switches: dict[str, Any], state: State) -> None:
    switched("first", **switches)

    assert states() == {"first": state, "second": State.WELL}


@pytest.mark.parametrize("values", [{"enabled": False}, {"weight": 0}])
def test_what_the_route_leaves_out_is_disabled(values: dict[str, Any]) -> None:
    Route.objects.create(channel=EMAIL, provider="second", position=1)
    Route.objects.create(channel=EMAIL, provider="first", position=2, **values)
    switched("first", drained=True)

    assert states() == {"second": State.WELL, "first": State.DISABLED}


def test_what_could_carry_it_and_is_in_no_route_stands_last(settings: Any) -> None:
    settings.DELIVERY_ROUTES = {"email": ["second"]}

    assert states() == {"second": State.WELL, "first": State.NOT_ROUTED}


def test_a_route_to_what_is_not_configured_any_more_is_told() -> None:
    Route.objects.create(channel=EMAIL, provider="gone")

    assert states()["gone"] == State.NOT_CONFIGURED


def test_the_first_takes_all_while_it_is_well() -> None:
    assert takes() == {"first": (1.0, 1.0), "second": (0.0, 0.0)}


def test_while_the_first_is_open_the_second_takes_all_and_weights_mean_what_they_meant() -> None:
    switched("first", until=60)

    assert takes() == {"first": (1.0, 0.0), "second": (0.0, 1.0)}


def test_one_position_is_shared_by_weight() -> None:
    Route.objects.create(channel=EMAIL, provider="first", weight=300)
    Route.objects.create(channel=EMAIL, provider="second", weight=100)

    assert takes() == {"first": (0.75, 0.75), "second": (0.25, 0.25)}


def test_where_all_are_drained_nobody_takes_any() -> None:
    switched("first", drained=True)
    switched("second", drained=True)

    assert takes() == {"first": (1.0, 0.0), "second": (0.0, 0.0)}


def test_reading_all_channels_costs_two_queries() -> None:
    switched("first", until=60)
    with CaptureQueriesContext(connection) as queries:
        found = standing.read()

    assert len(queries) == 2
    assert len(found) == 2
