"""A key calls so often a minute, no more when many call at once, with Redis and without."""

import math
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from django.conf import settings as configured
from django.db import connection
from redis.exceptions import TimeoutError as RedisTimeout

from notifications.models import ApiCallCount
from notifications.services.counters import Count, DatabaseCounter, SharedCounter
from notifications.services.limits import Limiter, Standing
from notifications.services.shares import SECONDS, Shares
from notifysite.plumbing.shared_redis import PAUSE

Result = TypeVar("Result")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Unsteady:
    """A counter that accepts all, writes down who called, and fails as long as it is told to."""

    def __init__(self, *, fails: bool = False) -> None:
        self.calls: list[str] = []
        self.fails = fails

    def take(self, name: str, limit: int, calls: int = 1) -> Count:
        self.calls.append(name)
        if self.fails:
            raise RedisTimeout("late")
        return Count(True, 0, 0.0, 1, 60.0)


class Many:
    """A counter of one window, and how many calls it was asked for at a time."""

    def __init__(self, current: int = 0) -> None:
        self.current = current
        self.taken: list[int] = []

    def take(self, name: str, limit: int, calls: int = 1) -> Count:
        self.taken.append(calls)
        accepted = self.current + calls <= limit
        self.current += calls * accepted
        return Count(accepted, 0, 0.0, self.current, 60.0)


@pytest.fixture
def name() -> str:
    return f"test:{uuid.uuid4()}"


@pytest.fixture
def shared() -> Iterator[SharedCounter]:
    """Counts in the real Redis, with patience for a machine that is busy."""
    counter = SharedCounter(configured.REDIS_URL, patience=60)
    yield counter
    counter.close()


@pytest.fixture
def alone() -> Limiter:
    """The limiter of a process that does not reach Redis."""
    return Limiter(Unsteady(fails=True))


def at_once(hit: Callable[[], Standing], *, times: int, threads: int) -> list[bool]:
    """Call from many threads, which all begin together; what was accepted."""
    together = threading.Barrier(threads)

    def work(_: int) -> list[bool]:
        together.wait()
        accepted = [hit().accepted for _ in range(times // threads)]
        connection.close()
        return accepted

    with ThreadPoolExecutor(threads) as pool:
        return [each for accepted in pool.map(work, range(threads)) for each in accepted]


@pytest.mark.parametrize("prepare", ["ping", "script_flush"], ids=["warm", "restarted"])
def test_of_500_calls_at_once_the_limit_of_100_lets_exactly_100_pass(shared, name, prepare) -> None:
    # Without a database to fall back on, so all of them are counted by Redis.
    limiter = Limiter(shared)
    getattr(shared.client, prepare)()

    accepted = at_once(lambda: limiter.hit(name, 100), times=500, threads=500)

    assert (len(accepted), accepted.count(True)) == (500, 100)


@pytest.mark.django_db(transaction=True)
def test_of_500_calls_at_once_the_database_lets_exactly_100_pass_too(alone, name) -> None:
    accepted = in_one_minute(
        lambda: at_once(lambda: alone.hit(name, 100), times=500, threads=20),
        afresh=ApiCallCount.objects.all().delete,
    )

    assert (len(accepted), accepted.count(True)) == (500, 100)


def in_one_minute(act: Callable[[], Result], *, afresh: Callable[[], object]) -> Result:
    """Act within one minute of the database's clock, a second time where a new one began."""
    while True:
        afresh()
        began = minute()
        result = act()
        if minute() == began:
            return result


def minute() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT date_trunc('minute', clock_timestamp())")
        return cursor.fetchone()[0]


def test_of_2000_calls_at_once_to_busy_processes_the_limit_of_1500_lets_no_more_pass(
    shared, name
) -> None:
    other = SharedCounter(configured.REDIS_URL, patience=60)
    limiters = [Limiter(shared), Limiter(other)]
    turns = iter(range(2000))

    accepted = at_once(lambda: limiters[next(turns) % 2].hit(name, 1500), times=2000, threads=8)

    other.close()
    counted = shared.take(name, 0).current
    assert accepted.count(True) <= counted <= 1500
    assert accepted.count(True) > 1400


def test_a_busy_process_counts_several_calls_at_once(name) -> None:
    redis = Many()
    limiter = steady(redis)

    standings = [limiter.hit(name, 3000) for _ in range(26)]

    assert redis.taken == [1, 2, 4, 8, 10, 10]
    assert [standing.remaining for standing in standings] == list(range(2999, 2973, -1))


def test_what_is_not_used_in_time_is_lost_and_the_next_call_is_counted_alone(name) -> None:
    redis, clock = Many(), Clock()
    limiter = steady(redis, clock)
    for _ in range(5):
        limiter.hit(name, 3000)
    clock.now += SECONDS

    standing = limiter.hit(name, 3000)

    assert redis.taken == [1, 2, 4, 1]
    assert standing.remaining == 3000 - 8


def test_where_little_is_left_each_call_is_counted_alone(name) -> None:
    redis = Many(current=2950)
    limiter = steady(redis)

    accepted = [limiter.hit(name, 3000).accepted for _ in range(60)]

    assert accepted == [True] * 50 + [False] * 10
    assert redis.taken[-20:] == [1] * 20


def test_where_so_many_do_not_fit_one_may(name) -> None:
    redis = Many(current=0)
    limiter = steady(redis)
    for _ in range(15):
        limiter.hit(name, 3000)
    redis.current = 2995  # others were quick

    accepted = [limiter.hit(name, 3000).accepted for _ in range(8)]

    assert accepted == [True] * 5 + [False] * 3


def steady(redis: Any, clock: Clock | None = None) -> Limiter:
    """A limiter for which no time passes by itself."""
    limiter = Limiter(redis)
    limiter.shares = Shares(clock=clock or Clock())
    return limiter


def test_two_processes_share_one_count(shared, name):
    other = SharedCounter(configured.REDIS_URL, patience=60)
    limiters = [Limiter(shared), Limiter(other)]

    accepted = [limiters[turn % 2].hit(name, 3).accepted for turn in range(5)]

    other.close()
    assert accepted == [True, True, True, False, False]


def test_the_count_survives_a_redis_that_forgot_the_scripts(shared, name):
    assert shared.take(name, 2).accepted
    shared.client.script_flush()

    assert [shared.take(name, 2).accepted for _ in range(2)] == [True, False]


def test_what_is_left_goes_down_with_every_call(shared, name):
    limiter = Limiter(shared)

    standings = [limiter.hit(name, 3) for _ in range(4)]

    assert [standing.remaining for standing in standings] == [2, 1, 0, 0]
    assert all(1 <= standing.reset <= 60 for standing in standings)


@pytest.mark.parametrize(
    ("count", "remaining", "reset"),
    [
        (Count(True, 0, 0.0, 1, 59.2), 99, 60),
        (Count(True, 100, 30.0, 10, 30.0), 40, 30),
        (Count(True, 0, 0.0, 100, 0.0), 0, 1),
        # Full by this window alone: nothing is free before it ends.
        (Count(False, 0, 0.0, 100, 41.5), 0, 42),
        (Count(False, 40, 41.5, 100, 41.5), 0, 42),
        # Full by what passes: one call of twenty is free every three seconds.
        (Count(False, 20, 31.0, 90, 31.0), 0, 1),
        (Count(False, 10, 47.0, 93, 47.0), 0, 5),
    ],
)
def test_where_a_caller_stands_follows_from_the_count(count, remaining, reset):
    standing = Standing.of(count, 100)

    assert (standing.remaining, standing.reset) == (remaining, reset)


def test_the_headers_are_structured_fields():
    standing = Standing(accepted=True, limit=3000, remaining=2999, reset=60)

    assert standing.headers() == {
        "RateLimit-Policy": '"key";q=3000;w=60',
        "RateLimit": '"key";r=2999;t=60',
    }


def test_without_redis_the_other_counter_counts_until_it_is_back(name) -> None:
    shared, otherwise, clock = Unsteady(fails=True), Unsteady(), Clock()
    limiter = Limiter(shared, otherwise=otherwise)
    limiter.outage.clock = clock
    for _ in range(3):
        limiter.hit(name, 10)
    shared.fails = False
    clock.now += PAUSE

    limiter.hit(name, 10)

    assert (len(shared.calls), len(otherwise.calls)) == (2, 3)


@pytest.mark.django_db
def test_processes_without_redis_share_one_count(name) -> None:
    limiters = [Limiter(Unsteady(fails=True)) for _ in range(2)]

    accepted = in_one_minute(
        lambda: [limiters[turn % 2].hit(name, 3).accepted for turn in range(5)],
        afresh=ApiCallCount.objects.all().delete,
    )

    assert accepted == [True, True, True, False, False]


@pytest.mark.django_db
def test_without_redis_what_is_left_goes_down_with_every_call(alone, name) -> None:
    standings = in_one_minute(
        lambda: [alone.hit(name, 3) for _ in range(4)],
        afresh=ApiCallCount.objects.all().delete,
    )

    assert [standing.remaining for standing in standings] == [2, 1, 0, 0]
    assert all(1 <= standing.reset <= 60 for standing in standings)


@pytest.mark.django_db
def test_the_last_minute_weighs_less_as_this_one_passes(name) -> None:
    counts = in_one_minute(
        lambda: [DatabaseCounter().take(name, 100) for _ in range(150)],
        afresh=lambda: called(name, current=100, minutes_ago=1),
    )

    accepted = [count.accepted for count in counts].count(True)
    most, least = (math.floor(100 * counts[at].previous_left / 60) for at in (0, -1))
    assert 100 - most <= accepted <= 100 - least
    assert {count.previous for count in counts} == {100}
    assert counts[-1].current == accepted


@pytest.mark.django_db
def test_what_is_two_minutes_old_is_forgotten(name) -> None:
    called(name, current=100, minutes_ago=3)

    count = DatabaseCounter().take(name, 1)

    assert (count.accepted, count.previous, count.current) == (True, 0, 1)


@pytest.mark.django_db
def test_a_clock_set_back_opens_no_new_minute(name) -> None:
    called(name, current=100, minutes_ago=-600)

    assert not DatabaseCounter().take(name, 100).accepted


@pytest.mark.django_db
def test_a_limit_of_none_lets_nobody_pass(alone, name) -> None:
    assert [alone.hit(name, 0).accepted for _ in range(2)] == [False, False]


def called(name: str, *, current: int, minutes_ago: int) -> None:
    """Let a key have called."""
    at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    counts = {"at": at, "previous": 0, "current": current, "accepted": True}
    ApiCallCount.objects.update_or_create(name=name, defaults=counts)


@pytest.mark.django_db
def test_counting_without_redis_waits_for_no_disk() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relpersistence FROM pg_class WHERE relname = 'api_call_count'")
        assert cursor.fetchone() == ("u",)


def test_a_counter_understands_the_address_of_a_socket_file(tmp_path, name):
    counter = SharedCounter(f"unix://{tmp_path}/valkey.sock?db=3")
    limiter = Limiter(counter, otherwise=Unsteady())

    assert counter.client.connection_pool.connection_kwargs["path"] == f"{tmp_path}/valkey.sock"
    assert counter.client.connection_pool.connection_kwargs["db"] == 3
    assert limiter.hit(name, 1).accepted
