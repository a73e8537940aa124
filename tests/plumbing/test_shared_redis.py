"""A Redis that fails is left alone for a while, and then tried by one call."""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis.exceptions import ConnectionError as RedisUnreachable
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeout

from notifysite.plumbing import shared_redis
from notifysite.plumbing.shared_redis import LOG_EVERY, PAUSE, Outage


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Unsteady:
    """Answers its calls' number, and fails as long as it is told to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.calls = 0
        self.error = error

    def __call__(self) -> int:
        self.calls += 1
        if self.error is not None:
            raise self.error
        return self.calls


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outage(clock) -> Outage:
    return Outage("counted elsewhere", clock=clock)


@pytest.fixture
def frozen() -> Iterator[str]:
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


def test_what_redis_answers_is_the_answer(outage) -> None:
    unsteady = Unsteady()

    assert [outage.ask(unsteady) for _ in range(2)] == [1, 2]


@pytest.mark.parametrize(
    "error", [RedisUnreachable("refused"), RedisTimeout("late"), OSError("gone")]
)
def test_a_failure_of_redis_is_no_answer(outage, error) -> None:
    assert outage.ask(Unsteady(error)) is None


def test_any_other_failure_is_raised(outage) -> None:
    with pytest.raises(LookupError):
        outage.ask(Unsteady(LookupError("ours")))


def test_after_a_failure_it_is_left_alone_for_a_while_and_then_tried_once(outage, clock) -> None:
    unsteady, tries = Unsteady(RedisTimeout("late")), []
    for step in (0.0, 0.0, PAUSE - 0.1, 0.1, 0.0):
        clock.now += step
        outage.ask(unsteady)
        tries.append(unsteady.calls)

    assert tries == [1, 1, 1, 2, 2]


def test_while_one_call_tries_the_others_do_not_wait(outage, clock) -> None:
    outage.ask(Unsteady(RedisTimeout("late")))
    clock.now += PAUSE
    tries, answer = threading.Event(), threading.Event()

    def slowly() -> str:
        tries.set()
        answer.wait()
        return "back"

    with ThreadPoolExecutor(1) as pool:
        trying = pool.submit(outage.ask, slowly)
        tries.wait()
        others = [outage.ask(Unsteady()) for _ in range(3)]
        answer.set()

    assert (others, trying.result()) == ([None, None, None], "back")


def test_a_redis_that_is_back_is_asked_by_all(outage, clock) -> None:
    unsteady = Unsteady(RedisTimeout("late"))
    outage.ask(unsteady)
    unsteady.error = None
    clock.now += PAUSE

    assert [outage.ask(unsteady) for _ in range(3)] == [2, 3, 4]


def test_it_is_logged_once_a_minute_without_the_address(outage, clock, caplog) -> None:
    unsteady = Unsteady(RedisUnreachable("redis://:secret@cache.test"))
    for step in (0.0, PAUSE, LOG_EVERY - PAUSE):
        clock.now += step
        outage.ask(unsteady)

    assert [record.getMessage() for record in caplog.records] == [
        "counted elsewhere, Redis failed: ConnectionError"
    ] * 2


def test_a_client_gives_a_frozen_redis_up_by_itself(frozen) -> None:
    client = shared_redis.connect(frozen, patience=0.05)

    with pytest.raises(RedisError):
        client.ping()
    client.close()
