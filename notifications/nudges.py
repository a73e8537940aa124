"""Nudges: "there is work in this lane". They carry no truth, so losing one costs a second.

A request never talks to the broker: one background thread of the process does, at most one nudge
per lane at a time, and gives up after 1.5 seconds.
"""

import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import cast

import structlog
from celery import current_app
from django.conf import settings
from kombu import Connection

from notifications.words import Lane

log = structlog.get_logger(__name__)

TIMEOUT_SECONDS = 1.5
# A nudge nobody took in this time is stale: the pump has sent others since.
STALE_SECONDS = 10
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


_nudger = _Nudger()


def nudge(*lanes: Lane) -> None:
    """Ask for a nudge of these lanes soon; costs the caller nothing and cannot fail."""
    _nudger.want(lanes)


def send(lane: Lane) -> bool:
    """Send a nudge now, within 1.5 seconds; returns whether the broker took it."""
    try:
        current_app.send_task(
            TASK,
            args=[int(lane)],
            queue=lane.name.lower(),
            expires=STALE_SECONDS,
            ignore_result=True,
            retry=False,
            connection=_connection(),
        )
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a broker, it carries no truth
        _forget_connection()
        log.warning("nudge_not_taken", lane=lane.name.lower(), error=type(error).__name__)
        return False
    return True


_local = threading.local()


def _connection() -> Connection:
    """A connection of this thread's own, whose every wait is short."""
    if getattr(_local, "connection", None) is None:
        _local.connection = current_app.connection_for_write(
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
    return cast("Connection", _local.connection)


def _forget_connection() -> None:
    connection, _local.connection = getattr(_local, "connection", None), None
    if connection is not None:
        with suppress(Exception):  # it is broken: closing it may fail too
            connection.collapse()
