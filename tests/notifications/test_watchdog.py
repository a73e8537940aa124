"""Canaries, and the watchdog that ends a worker which takes none."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from celery.worker import state
from django.db.models.functions import Now

from delivery.models import Heartbeat
from notifications import heartbeats, nudges
from notifications.canaries import Canaries
from notifications.watchdog import Watchdog
from notifications.words import Lane
from tests.fakes.brokers import redis_url
from tests.notifications.test_nudges import taken

pytestmark = pytest.mark.django_db


@pytest.fixture
def pump(db: None, settings: Any) -> Iterator[str]:
    """A pump's heartbeat; the address of a broker nobody takes from."""
    url = settings.CELERY_BROKER_URL = redis_url(settings)
    nudges.forget()
    for lane in Lane:
        taken(url, lane)
    heartbeats.beat(heartbeats.PUMP)
    yield url
    nudges.forget()


def workers(lane: Lane, number: int, *, age: int = 0) -> None:
    kind, at = heartbeats.worker_of(lane), Now() - timedelta(seconds=age)
    for each in range(number):
        Heartbeat.objects.create(name=f"{kind}-{age}-{each}", kind=kind, at=at)


def sent(url: str) -> dict[str, int]:
    return {lane.name: len(taken(url, lane)) for lane in Lane}


def nudged() -> bool:
    return Heartbeat.objects.get(kind="pump").nudged_at is not None


def test_every_worker_heard_of_lately_is_sent_a_canary(pump: str) -> None:
    workers(Lane.BULK, 3)
    workers(Lane.DEFAULT, 1)
    workers(Lane.DEFAULT, 2, age=31)

    Canaries().send()

    assert sent(pump) == {"CRITICAL": 1, "DEFAULT": 1, "BULK": 3}
    assert nudged()


def test_canaries_are_sent_at_intervals(pump: str) -> None:
    canaries = Canaries()
    canaries.send()
    sent(pump)
    Heartbeat.objects.update(nudged_at=None)

    canaries.send()

    assert sent(pump) == {"CRITICAL": 0, "DEFAULT": 0, "BULK": 0}


def test_one_pump_of_several_sends_them(pump: str) -> None:
    Heartbeat.objects.create(name="another", kind="pump", nudged_at=Now())

    Canaries().send()

    assert sent(pump) == {"CRITICAL": 0, "DEFAULT": 0, "BULK": 0}


def test_a_broker_that_takes_none_is_not_noted(pump: str, settings: Any) -> None:
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    nudges.forget()

    Canaries().send()

    assert not nudged()


@pytest.fixture
def watchdog(pump: str, settings: Any) -> Watchdog:
    """Of a worker for which any silence is too long, beside a pump whose nudges are taken."""
    settings.DEAF_SECONDS = 0
    heartbeats.nudged()
    return Watchdog([Lane.CRITICAL, Lane.BULK])


def test_a_worker_that_takes_none_is_deaf(watchdog: Watchdog) -> None:
    assert watchdog.is_deaf() is True


def test_a_worker_that_takes_one_is_not(watchdog: Watchdog) -> None:
    watchdog.took_a_nudge()

    assert watchdog.is_deaf() is False
    assert watchdog.is_deaf() is True


def test_a_worker_in_the_middle_of_its_work_is_not(watchdog: Watchdog) -> None:
    request = type("Request", (), {})()
    state.active_requests.add(request)

    assert watchdog.is_deaf() is False


def test_a_short_silence_is_nothing(watchdog: Watchdog, settings: Any) -> None:
    settings.DEAF_SECONDS = 3600

    assert watchdog.is_deaf() is False


@pytest.mark.parametrize("ago", [None, timedelta(seconds=46)])
def test_while_the_broker_takes_no_nudges_nobody_is_deaf(
    watchdog: Watchdog, ago: timedelta | None
) -> None:
    """Starting again would not help."""
    Heartbeat.objects.update(nudged_at=ago and Now() - ago)

    assert watchdog.is_deaf() is False


def test_an_idle_worker_leaves_a_heartbeat_for_each_of_its_lanes(watchdog: Watchdog) -> None:
    watchdog.is_deaf()

    kinds = Heartbeat.objects.filter(kind__startswith="worker").order_by("kind")
    assert [(row.kind, row.consumed_at) for row in kinds] == [
        ("worker-bulk", None),
        ("worker-critical", None),
    ]


def test_when_it_took_a_nudge_is_kept_on_the_clock_of_the_database(watchdog: Watchdog) -> None:
    watchdog.took_a_nudge()
    watchdog.is_deaf()

    took = heartbeats.signs()["worker-bulk"].took
    assert took is not None
    assert 0 <= took < 60
