"""A key calls so often a minute, no more when many call at once, and no less without Redis."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings as configured
from redis.exceptions import ConnectionError as RedisUnreachable
from redis.exceptions import TimeoutError as RedisTimeout

from notifications.services.counters import Count, LocalCounter, SharedCounter
from notifications.services.limits import LOG_EVERY, PAUSE, Limiter, Standing


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Unsteady:
    """A counter that counts its calls and fails as long as it is told to."""

    def __init__(self) -> None:
        self.calls = 0
        self.error: Exception | None = None
        self._inner = LocalCounter()

    def take(self, name: str, limit: int) -> Count:
        self.calls += 1
        if self.error is not None:
            raise self.error
        return self._inner.take(name, limit)


@pytest.fixture
def name() -> str:
    return f"test:{uuid.uuid4()}"


@pytest.fixture
def shared() -> Iterator[SharedCounter]:
    """Counts in the real Redis, with patience for a machine that is busy."""
    counter = SharedCounter(configured.REDIS_URL, patience=60)
    yield counter
    counter.close()


def at_once(take, times: int) -> list[bool]:
    with ThreadPoolExecutor(50) as pool:
        return list(pool.map(lambda _: take(), range(times)))


def test_of_500_calls_at_once_the_limit_of_100_lets_exactly_100_pass(shared, name):
    limiter = Limiter(shared)

    accepted = at_once(lambda: limiter.hit(name, 100).accepted, 500)

    assert accepted.count(True) == 100


def test_the_count_of_one_process_alone_is_exact_too(name):
    counter = LocalCounter()

    accepted = at_once(lambda: counter.take(name, 100).accepted, 500)

    assert accepted.count(True) == 100


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


@pytest.mark.parametrize(
    "error", [RedisUnreachable("refused"), RedisTimeout("late"), OSError("gone")]
)
def test_without_redis_the_process_counts_for_itself(error, name):
    shared = Unsteady()
    shared.error = error
    limiter = Limiter(shared, clock=Clock())

    assert [limiter.hit(name, 2).accepted for _ in range(3)] == [True, True, False]


def test_a_redis_that_failed_is_left_alone_for_a_while_and_then_tried_once(name):
    shared, clock = Unsteady(), Clock()
    shared.error = RedisTimeout("late")
    limiter = Limiter(shared, clock=clock)
    tries = []
    for step in (0.0, 0.0, PAUSE - 0.1, 0.1, 0.0):
        clock.now += step
        limiter.hit(name, 10)
        tries.append(shared.calls)

    assert tries == [1, 1, 1, 2, 2]


def test_a_redis_that_is_back_counts_again(name):
    shared, clock = Unsteady(), Clock()
    shared.error = RedisTimeout("late")
    limiter = Limiter(shared, clock=clock)
    limiter.hit(name, 10)
    shared.error = None
    clock.now += PAUSE

    for _ in range(3):
        limiter.hit(name, 10)

    assert shared.calls == 4


def test_a_redis_that_fails_is_logged_once_a_minute_without_its_address(name, caplog):
    shared, clock = Unsteady(), Clock()
    shared.error = RedisUnreachable("redis://:secret@cache.test")
    limiter = Limiter(shared, clock=clock)
    for step in (0.0, PAUSE, LOG_EVERY - PAUSE):
        clock.now += step
        limiter.hit(name, 10)

    assert [record.getMessage() for record in caplog.records] == [
        "rate limits are per process, Redis failed: ConnectionError"
    ] * 2


def test_a_counter_understands_the_address_of_a_socket_file(tmp_path, name):
    counter = SharedCounter(f"unix://{tmp_path}/valkey.sock?db=3")
    limiter = Limiter(counter)

    assert counter.client.connection_pool.connection_kwargs["path"] == f"{tmp_path}/valkey.sock"
    assert counter.client.connection_pool.connection_kwargs["db"] == 3
    assert limiter.hit(name, 1).accepted
