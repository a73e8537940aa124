"""The watchdog of a worker process: it ends a worker that takes no nudges although there are some.

Celery can stop consuming after its broker was reset, and then looks alive for ever. The pump
sends every worker canaries; a worker that took none of them for 90 s, while the broker took them
from the pump, is told to stop; when 30 s later it still runs and has nothing in hand, it is ended.
The supervisor starts it again. While the broker takes nothing, starting again would not help.
"""

import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

import structlog
from celery.worker import state
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from notifications import heartbeats, work
from notifications.words import Lane

log = structlog.get_logger(__name__)

EXIT_CODE = 1
# A process that ends waits so long for its heartbeats to be taken away.
LEAVING_SECONDS = 10.0


class Watchdog:
    """A thread that leaves the heartbeats of this process, and ends it when it is deaf."""

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self._kinds = [heartbeats.worker_of(lane) for lane in lanes]
        # All on the monotonic clock. Silence before `_excused` is not held against the worker.
        self._took: float | None = None
        self._looked = self._excused = time.monotonic()
        self._stopped = self._ending = False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """The process ends in order: watch no more, and take its heartbeats away."""
        self._stopped = True
        self._wake.set()
        if not self._ending:
            self._thread.join(timeout=LEAVING_SECONDS)

    def took_a_nudge(self) -> None:
        """A nudge came; called for each, so it only remembers, and tells the first at once."""
        first, self._took = self._took is None, time.monotonic()
        if first:
            self._wake.set()

    def is_deaf(self) -> bool:
        """Leave the heartbeats, and see whether nothing was heard for too long."""
        now = time.monotonic()
        if state.active_requests:
            self._took = now
        heard = self._took is not None and self._took >= self._looked
        self._looked = now
        heartbeats.beat(*self._kinds, took=None if self._took is None else now - self._took)
        if heard or not _broker_takes_nudges():
            self._excused = now
        return now - self._excused > settings.DEAF_SECONDS

    def _run(self) -> None:
        while not self._stopped:
            if self._look():
                self._end_this_worker()
            self._wake.wait(settings.HEARTBEAT_SECONDS)
            self._wake.clear()
        self._leave()

    def _look(self) -> bool:
        try:
            return self.is_deaf() and not work.stopping()
        except Exception as error:  # noqa: BLE001 - whatever it is, this thread has to go on
            log.warning("watchdog_cannot_look", error=type(error).__name__)
            self._excused = time.monotonic()
            return False
        finally:
            connection.close()  # a look now and then is not worth a connection

    def _end_this_worker(self) -> None:
        log.error(
            "worker_is_deaf",
            seconds=settings.DEAF_SECONDS,
            advice="It ends itself; its supervisor has to start it again.",
        )
        self._ending = True
        state.should_stop = EXIT_CODE  # type: ignore[assignment]  # Celery's own way to tell it
        self._leave()
        time.sleep(settings.ENDING_SECONDS)
        while state.active_requests:
            time.sleep(1)
        log.error("worker_does_not_end", seconds=settings.ENDING_SECONDS)
        os._exit(EXIT_CODE)

    def _leave(self) -> None:
        with suppress(DatabaseError, InterfaceError):
            heartbeats.leave(self._kinds)
        connection.close()


def _broker_takes_nudges() -> bool:
    pump = heartbeats.signs().get(heartbeats.PUMP)
    return bool(pump and pump.nudged is not None and pump.nudged < 3 * settings.CANARY_SECONDS)
