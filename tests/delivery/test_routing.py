"""Which provider takes a message: order, weight, health, and where an answer was lost."""

from collections import Counter
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from delivery import routing
from delivery.models import Breaker, Route
from delivery.routing import Choice, choose, luck_of
from tests.fakes.scripted import Ledger

pytestmark = pytest.mark.django_db

EMAIL, LIVE, TEST = 1, 1, 3


@pytest.fixture(autouse=True)
def _two(two_providers: dict[str, Ledger]) -> None:
    pass


def route(*rows: tuple[str, int, int]) -> None:
    for provider, position, weight in rows:
        Route.objects.create(channel=EMAIL, provider=provider, position=position, weight=weight)
    routing.forget()


def break_open(alias: str, seconds: float, **values: Any) -> None:
    row = Breaker.objects.create(provider=alias, channel=EMAIL, **values)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE delivery_breaker SET until = clock_timestamp() + %s * interval '1 second'"
            " WHERE id = %s",
            [seconds, row.pk],
        )
    routing.forget()


def chosen(**values: Any) -> Choice:
    return choose(EMAIL, mode=LIVE, **({"luck": 0.5} | values))


def test_the_first_of_the_settings_takes_it() -> None:
    assert chosen() == Choice(alias="first")


def test_rows_overrule_the_settings() -> None:
    route(("second", 1, 100), ("first", 2, 100))

    assert chosen() == Choice(alias="second")


def test_one_position_is_shared_by_weight_and_a_delivery_keeps_its_provider() -> None:
    route(("first", 1, 300), ("second", 1, 100))
    deliveries = [uuid4() for _ in range(4000)]

    shares = Counter(chosen(luck=luck_of(one)).alias for one in deliveries)
    assert 2850 < shares["first"] < 3150
    assert chosen(luck=luck_of(deliveries[0])) == chosen(luck=luck_of(deliveries[0]))


@pytest.mark.parametrize("luck", [0.0, 0.25, 0.999999999])
def test_a_weight_of_nothing_takes_nothing(luck: float) -> None:
    route(("first", 1, 0), ("second", 1, 100))

    assert chosen(luck=luck).alias == "second"


def test_what_failed_it_in_this_round_is_passed_over() -> None:
    assert chosen(tried=frozenset({"first"})).alias == "second"
    assert chosen(tried=frozenset({"first", "second"})) == Choice()


def test_a_broken_one_is_passed_over_until_its_probe_is_due() -> None:
    break_open("first", 60)
    assert chosen().alias == "second"

    Breaker.objects.all().delete()
    break_open("first", -1)
    assert chosen().alias == "first"


def test_where_all_are_broken_it_waits_for_the_first_to_be_probed() -> None:
    break_open("first", 60)
    break_open("second", 20)

    choice = chosen()
    assert choice.alias == ""
    assert 15 < choice.wait <= 20


def test_a_drained_one_gets_nothing_and_nobody_fails_for_it() -> None:
    Breaker.objects.create(provider="first", channel=EMAIL, drained=True)
    routing.forget()
    assert chosen().alias == "second"

    Breaker.objects.create(provider="second", channel=EMAIL, drained=True)
    routing.forget()
    assert chosen().wait > 0


def test_who_may_have_it_already_is_the_only_one_asked_again() -> None:
    assert chosen(stay="second").alias == "second"

    break_open("second", 60)
    assert chosen(stay="second").alias == ""
    assert chosen(stay="gone").alias == "first"


def test_without_a_route_there_is_nobody(settings: Any) -> None:
    settings.DELIVERY_ROUTES = {}

    assert chosen() == Choice()


def test_an_address_of_some_kind_is_offered_to_who_takes_it(settings: Any) -> None:
    configured = settings.DELIVERY_PROVIDERS
    first = {**configured["first"], "OPTIONS": {"kinds": frozenset({"fcm"})}}
    settings.DELIVERY_PROVIDERS = {**configured, "first": first}

    assert chosen(kind=1) == Choice(alias="first")
    assert chosen(kind=2) == Choice(alias="second")
    assert chosen(kind=1, tried=frozenset({"first"})) == Choice(alias="second")
    assert chosen(kind=2, tried=frozenset({"second"})) == Choice()
    assert routing.aliases(EMAIL, mode=LIVE, kind=2) == ["second"]
    assert routing.kinds(EMAIL, mode=LIVE) is None
    route(("first", 1, 100))
    assert routing.kinds(EMAIL, mode=LIVE) == {"fcm"}
    assert chosen(kind=2) == Choice()
    assert chosen() == Choice(alias="first")
