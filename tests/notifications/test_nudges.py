"""Nudges: taken by a broker that works, given up quickly by one that does not."""

import gc
import os
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from celery import current_app

from notifications import nudges
from notifications.words import Lane

# The client libraries leave a half-open socket to the collector when a handshake fails.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

RABBITMQ = os.environ.get("NOTIFYSITE_TEST_RABBITMQ_URL", "")


@pytest.fixture
def broker(settings: Any) -> Iterator[Any]:
    """A setter for the broker's address; the connection is this test's own."""

    def use(url: str) -> None:
        settings.CELERY_BROKER_URL = url
        settings.CELERY_BROKER_TRANSPORT_OPTIONS = {}
        nudges._forget_connection()

    yield use
    nudges._forget_connection()
    gc.collect()  # here, where the warning is expected, and not in another test


def taken(url: str, lane: Lane) -> list[Any]:
    """The nudges that wait in a lane's queue; the queue is gone afterwards."""
    found = []
    with current_app.connection_for_read(url=url) as connection:
        queue = connection.SimpleQueue(lane.name.lower())
        while True:
            try:
                message = queue.get(block=True, timeout=0.5)
            except queue.Empty:
                break
            found.append(message.payload[0])
            message.ack()
        queue.queue.delete()
    return found


def test_redis_takes_a_nudge(broker: Any, settings: Any) -> None:
    url = redis_url(settings)
    broker(url)
    taken(url, Lane.BULK)

    assert nudges.send(Lane.BULK) is True
    assert taken(url, Lane.BULK) == [[int(Lane.BULK)]]


def redis_url(settings: Any) -> str:
    """The tests' own Redis, as Celery names it."""
    return str(settings.REDIS_URL).replace("unix://", "redis+socket://", 1)


@pytest.mark.rabbitmq
def test_rabbitmq_takes_a_nudge(broker: Any) -> None:
    broker(RABBITMQ)

    assert nudges.send(Lane.BULK) is True
    assert taken(RABBITMQ, Lane.BULK) == [[int(Lane.BULK)]]


@pytest.fixture
def frozen() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed() -> int:
    """A port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_broker_that_is_down_takes_no_nudge(broker: Any, closed: int, scheme: str) -> None:
    broker(f"{scheme}://127.0.0.1:{closed}//")

    assert nudges.send(Lane.DEFAULT) is False


def test_a_broker_nobody_can_reach_by_that_address_takes_no_nudge(broker: Any) -> None:
    """Whoever misspelt it still gets all that is due, from the pump."""
    broker("carrier-pigeon://127.0.0.1//")

    assert nudges.send(Lane.DEFAULT) is False


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_frozen_broker_is_given_up(broker: Any, frozen: int, scheme: str) -> None:
    broker(f"{scheme}://127.0.0.1:{frozen}//")
    began = time.monotonic()

    assert nudges.send(Lane.DEFAULT) is False
    assert time.monotonic() - began < 30, "it waited as long as the broker liked"


def test_asking_for_a_nudge_leaves_the_broker_to_another_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    senders: list[threading.Thread] = []
    sent = threading.Event()

    def send(lane: Lane) -> bool:
        senders.append(threading.current_thread())
        sent.set()
        return True

    monkeypatch.setattr(nudges, "send", send)
    nudges._Nudger().want([Lane.DEFAULT])

    assert sent.wait(30)
    assert senders != [threading.current_thread()]
