"""Nudges: taken by a broker that works, given up quickly by one that does not."""

import gc
import os
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from celery import current_app
from kombu import Queue

from notifications import nudges
from notifications.words import Lane
from notifysite.settings.nudging import transport_options
from tests.chaos.stand.proxy import Proxy
from tests.fakes.brokers import RABBITMQ, redis_url, through

# The client libraries leave a half-open socket to the collector when a handshake fails.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def broker(settings: Any) -> Iterator[Any]:
    """A setter for the broker's address; the connection is this test's own."""

    def use(url: str) -> None:
        settings.CELERY_BROKER_URL = url
        settings.CELERY_BROKER_TRANSPORT_OPTIONS = transport_options(url)
        nudges.forget()

    yield use
    nudges.forget()
    gc.collect()  # here, where the warning is expected, and not in another test


def taken(url: str, lane: Lane) -> list[Any]:
    """The nudges that wait in a lane's queue; the queue is gone afterwards."""
    found = []
    with current_app.connection_for_read(url=url) as connection:
        queue = current_app.amqp.queues[lane.name.lower()].bind(connection.default_channel)
        queue.declare()
        while message := queue.get():
            found.append(message.payload[0])
            message.ack()
        queue.delete()
    return found


def test_a_broker_takes_a_nudge(broker: Any, broker_url: str) -> None:
    broker(broker_url)
    taken(broker_url, Lane.BULK)

    assert nudges.send(Lane.BULK) is True
    assert taken(broker_url, Lane.BULK) == [[int(Lane.BULK)]]


def test_a_lane_without_workers_does_not_fill_its_broker(broker: Any, broker_url: str) -> None:
    broker(broker_url)
    taken(broker_url, Lane.BULK)

    assert all(nudges.send(Lane.BULK, enough=100) for _ in range(110))
    assert len(taken(broker_url, Lane.BULK)) == 100


def test_redis_is_sent_no_nudge_where_one_waits_already(broker: Any, settings: Any) -> None:
    url = redis_url(settings)
    broker(url)
    taken(url, Lane.BULK)

    assert all(nudges.send(Lane.BULK) for _ in range(3))
    assert len(taken(url, Lane.BULK)) == 1
    assert nudges.send(Lane.BULK) is True
    assert len(taken(url, Lane.BULK)) == 1


@pytest.mark.rabbitmq
def test_rabbitmq_is_asked_for_quorum_queues_of_a_new_name(broker: Any) -> None:
    """Queues of an earlier version, named by their lane alone, are classic and stay so."""
    broker(RABBITMQ)
    nudges.send(Lane.BULK)
    queue = current_app.amqp.queues["bulk"]
    classic = Queue(
        queue.name, queue_arguments={**queue.queue_arguments, "x-queue-type": "classic"}
    )

    with (
        current_app.connection_for_read(url=RABBITMQ) as connection,
        pytest.raises(connection.channel_errors, match="inequivalent arg 'x-queue-type'"),
    ):
        classic.bind(connection.default_channel).declare()
    assert queue.name != "bulk"
    taken(RABBITMQ, Lane.BULK)


@pytest.mark.rabbitmq
def test_a_queue_of_another_kind_takes_no_nudge_and_breaks_nothing(broker: Any) -> None:
    broker(RABBITMQ)
    name = current_app.amqp.queues["bulk"].name
    taken(RABBITMQ, Lane.BULK)
    with current_app.connection_for_read(url=RABBITMQ) as connection:
        classic = Queue(name, queue_arguments={"x-queue-type": "classic"})(connection)
        classic.declare()

        assert nudges.send(Lane.BULK) is False
        classic.delete()
        nudges.forget()
        assert nudges.send(Lane.BULK) is True
    taken(RABBITMQ, Lane.BULK)


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

    assert shortest(lambda: nudges.send(Lane.DEFAULT)) < 5


def shortest(refused: Callable[[], bool]) -> float:
    """The seconds of a refusal; of up to three, as the machine may be busy in one of them."""
    seconds = float("inf")
    for _ in range(3):
        began = time.monotonic()
        assert refused() is False
        seconds = min(seconds, time.monotonic() - began)
        nudges.forget()
        if seconds < 5:
            break
    return seconds


def test_a_connection_that_went_silent_is_given_up(
    broker: Any, broker_url: str, wire: Proxy
) -> None:
    broker(through(wire, broker_url))

    def refused() -> bool:
        wire.heal()
        assert nudges.send(Lane.BULK) is True
        wire.swallow()
        return nudges.send(Lane.BULK)

    assert shortest(refused) < 5
    wire.heal()
    taken(through(wire, broker_url), Lane.BULK)


def test_a_broker_that_took_no_nudge_is_left_alone_for_a_while(
    broker: Any, broker_url: str, wire: Proxy
) -> None:
    broker(through(wire, broker_url))
    wire.swallow()
    assert nudges.send(Lane.BULK) is False
    tries = wire.accepted
    wire.heal()

    assert nudges.send(Lane.BULK) is False
    assert wire.accepted == tries
    nudges.forget()
    assert nudges.send(Lane.BULK) is True
    taken(through(wire, broker_url), Lane.BULK)


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_connection_that_is_forgotten_is_closed(broker: Any, broker_url: str) -> None:
    """A web process would run out of files while its broker comes and goes."""
    broker(broker_url)
    assert nudges.send(Lane.BULK) is True
    gc.collect()
    before = open_sockets()

    for _ in range(3):
        nudges.forget()
        assert nudges.send(Lane.BULK) is True

    assert open_sockets() <= before
    taken(broker_url, Lane.BULK)


def open_sockets() -> int:
    """Of this process."""
    found = 0
    for handle in range(256):
        with suppress(OSError):
            found += stat.S_ISSOCK(os.fstat(handle).st_mode)
    return found


def test_every_wait_for_a_broker_is_short(broker: Any, broker_url: str) -> None:
    broker(broker_url)
    connection = nudges._connection()
    names = ("socket_timeout", "socket_connect_timeout", "read_timeout", "write_timeout")

    assert connection.connect_timeout == 1.5
    assert [connection.transport_options[name] for name in names] == [1.5] * 4
    if connection.transport.driver_type == "amqp":
        assert connection.connection.sock.gettimeout() == 1.5
        assert connection.transport_options["confirm_publish"] is True


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
