"""How providers have been lately, for the page that operators look at."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from delivery import overview, steering
from delivery.health import Way
from delivery.hooks import counts
from delivery.lifecycle import State
from delivery.models import Delivery, Sample
from delivery.overview import Answers, Health, Waiting
from notifysite.plumbing import audit

pytestmark = pytest.mark.django_db

FIRST = Way("first", 1)


@pytest.fixture(autouse=True)
def _two(two_providers: Any) -> None:
    pass


def sample(alias: str = "first", *, minutes: float = 0.0, **values: Any) -> None:
    at = Now() - timedelta(minutes=minutes)
    Sample.objects.create(provider=alias, channel=1, at=at, **values)


def of(alias: str) -> Health:
    return next(one for one in overview.read() if one.standing.way.alias == alias)


def test_nothing_was_answered_where_nothing_was_asked() -> None:
    first = of("first")

    assert (first.hour, first.hour.mean, first.share) == (Answers(), None, None)
    assert (first.waiting, list(first.history), first.throttle) == (Waiting(), [], None)


def test_answers_are_summed_over_five_minutes_and_an_hour() -> None:
    sample(accepted=3, took=0.6, slowest=0.4)
    sample(minutes=4.5, transient=1, unknown=1, account=1, took=3.0, slowest=2.5)
    sample(minutes=20, refused=2, took=0.2, slowest=0.1)
    sample(minutes=61, accepted=100)

    first = of("first")

    assert first.lately == Answers(3, 0, 1, 1, 1, took=3.6, slowest=2.5)
    assert (first.hour.count, first.hour.taken, first.hour.failed) == (8, 5, 3)
    assert first.hour.mean == pytest.approx(3.8 / 8)
    assert [age for age, one in enumerate(first.minutes) if one.count] == [0, 4, 20]


def test_shares_are_of_what_the_channel_was_rid_of() -> None:
    sample("first", accepted=2, refused=1, transient=50)
    sample("second", accepted=1)

    assert (of("first").share, of("second").share) == (0.75, 0.25)


def test_what_is_queued_waits_whether_it_is_due_or_asleep(
    queued: Callable[..., list[UUID]],
) -> None:
    asleep, out, _ = queued(3)
    Delivery.objects.filter(id=asleep).update(due_at=Now() + timedelta(minutes=10))
    Delivery.objects.filter(id=out).update(state=State.SENT)
    Delivery.objects.update(accepted_at=Now() - timedelta(seconds=90))

    waiting = of("first").waiting

    assert waiting.count == 2
    assert 89 < waiting.oldest < 120
    assert not waiting.bounded


def test_the_last_switches_of_each_channel_are_told_newest_first() -> None:
    for number in range(overview.SWITCHES + 1):
        steering.drain(FIRST, actor="admin:7", reason=f"drained {number}")
        steering.resume(FIRST, actor="admin:7")
    audit.record(
        actor="system", action="breaker.opened", target="provider:first", detail={"channel": 2}
    )

    history = of("first").history

    assert [(one.action, one.reason) for one in history][:2] == [
        ("provider.resumed", ""),
        ("provider.drained", "drained 4"),
    ]
    assert len(history) == overview.SWITCHES
    assert list(of("second").history) == []


def test_what_throttles_it_is_told(settings: Any) -> None:
    settings.DELIVERY_PROVIDERS["first"]["THROTTLE"] = {"per_second": 14}
    settings.DELIVERY_PROVIDERS["second"]["THROTTLE"] = {"per_second": "many"}

    bucket = of("first").throttle
    assert bucket is not None
    assert (bucket.per_second, bucket.account) == (14.0, "first")
    assert of("second").throttle is None  # and the checks say what is wrong


def test_it_costs_six_queries_for_any_number(queued: Callable[..., list[UUID]]) -> None:
    queued(2)
    sample(accepted=1)
    steering.drain(FIRST, actor="admin:7")
    with CaptureQueriesContext(connection) as queries:
        overview.read()

    assert len(queries) == 6


def test_calls_at_its_hook_are_told_by_verdict() -> None:
    counts.add("first", Counter(heard=2, taken=5))
    counts.add("first", Counter(forged=1))

    calls = of("first").calls

    assert {verdict: one.count for verdict, one in calls.items()} == {
        "heard": 2,
        "taken": 5,
        "forged": 1,
    }
    assert all(0.0 <= one.age < 60.0 for one in calls.values())
    assert of("second").calls == {}
