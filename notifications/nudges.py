"""Nudges: "there is work in this lane". They carry no truth, so losing one costs a second.

A request never talks to the broker: one background thread of the process does, at most one nudge
per lane at a time and none within 10 ms of the last ones, and no wait for the broker is longer than
1.5 seconds.
"""

import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, cast

import structlog
from celery import current_app
from django.conf import settings
from kombu import Connection

from notifications.words import Lane

log = structlog.get_logger(__name__)

TIMEOUT_SECONDS = 1.5
# A broker that took no nudge is not asked again for so long: asking one that hangs costs time.
REST_SECONDS = 10.0
# What is wanted so soon after a nudge goes out with the next one. Many requests a second would keep
# the thread at work for nothing, at the cost of what they cost themselves.
PAUSE_SECONDS = 0.01
TASK = "notifications.tasks.work"


class _Nudger:
    """The lanes that want a nudge, and the thread that sends them."""

    def __init__(self) -> None:
        self._wanted: set[Lane] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def want(self, lanes: Iterable[Lane]) -> None:
        with self._changed:
            self._wanted |= set(lanes)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="nudges", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._wanted))
                lanes, self._wanted = sorted(self._wanted), set()
            for lane in lanes:
                send(lane)
            time.sleep(PAUSE_SECONDS)


_nudger = _Nudger()


def nudge(*lanes: Lane) -> None:
    """Ask for a nudge of these lanes soon; costs the caller nothing and cannot fail."""
    _nudger.want(lanes)


def send(lane: Lane, *, enough: int = 1) -> bool:
    """Send a nudge now; returns whether the broker took it, or has `enough` for this lane.

    One that waits is enough: whoever takes it does so later than now, and sees all that is due.
    """
    if time.monotonic() < _resting.until:
        return False
    try:
        connection = _connection()
        if _waiting(lane, connection) < enough:
            _publish(lane, connection)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a broker, it carries no truth
        forget()
        _resting.until = time.monotonic() + REST_SECONDS
        log.warning("nudge_not_taken", lane=lane.name.lower(), error=type(error).__name__)
        return False
    return True


def forget() -> None:
    """Forget this thread's connection, and that the broker took no nudge."""
    connection, _local.connection = getattr(_local, "connection", None), None
    _resting.until = 0.0
    if connection is not None:
        with suppress(Exception):  # it is broken: closing it may fail too
            _close(connection)


def eviction() -> str:
    """What a Redis that carries our nudges does when its memory is full; empty when it does not
    say, and for other brokers."""
    try:
        connection = _connection()
        channel: Any = connection.default_channel
        if connection.transport.driver_type == "redis":
            return str(channel.client.info("memory")["maxmemory_policy"])
    except Exception as error:  # noqa: BLE001 - as above; what is wrong with it is told elsewhere
        forget()
        log.warning("broker_does_not_say", error=type(error).__name__)
    return ""


class _Resting:
    """Until when, on the monotonic clock, the broker is left alone by all threads."""

    until = 0.0


_resting = _Resting()
_local = threading.local()


def _close(connection: Connection) -> None:
    if connection.transport.driver_type == "amqp":
        connection.collect()  # without the farewells that RabbitMQ would have to answer
    else:
        connection.release()


def _publish(lane: Lane, connection: Connection) -> None:
    # Without `expires`: that is a time of day, and a worker whose clock is ahead would drop all.
    current_app.send_task(
        TASK,
        args=[int(lane)],
        queue=lane.name.lower(),
        ignore_result=True,
        retry=False,
        connection=connection,
        timeout=TIMEOUT_SECONDS,
        confirm_timeout=TIMEOUT_SECONDS,
    )


def _waiting(lane: Lane, connection: Connection) -> int:
    """How many nudges wait already. RabbitMQ is not asked: it drops what is too many by itself,
    while Redis would fill up."""
    if connection.transport.driver_type == "amqp":
        return 0
    channel: Any = connection.default_channel
    return int(channel.client.llen(current_app.amqp.queues[lane.name.lower()].name))


def _connection() -> Connection:
    """A connection of this thread's own, whose every wait is short."""
    if getattr(_local, "connection", None) is None:
        connection = current_app.connection_for_write(
            url=settings.CELERY_BROKER_URL,
            connect_timeout=TIMEOUT_SECONDS,
            transport_options={
                **settings.CELERY_BROKER_TRANSPORT_OPTIONS,
                # Redis and AMQP each call it their own way.
                "socket_timeout": TIMEOUT_SECONDS,
                "socket_connect_timeout": TIMEOUT_SECONDS,
                "read_timeout": TIMEOUT_SECONDS,
                "write_timeout": TIMEOUT_SECONDS,
                "max_retries": 0,
                "retry_on_timeout": False,
            },
        )
        _local.connection = connection
        # Not by connect(), which tries twice.
        if connection.default_channel and connection.transport.driver_type == "amqp":
            # Once connected py-amqp waits for ever, whatever it was given as timeouts.
            connection.connection.sock.settimeout(TIMEOUT_SECONDS)
    return cast("Connection", _local.connection)
