"""Keep the leases of flights that are under way, however long their provider takes.

A lease is short, so that a dead worker is noticed soon; a mail server may take ten minutes over
the last dot (RFC 5321 section 4.5.3.2.6), and must not be mistaken for one.
"""

import threading
import time
from collections.abc import Sequence

import structlog
from django.db import DatabaseError, InterfaceError, connection

from delivery import queue
from delivery.queue import Lease

log = structlog.get_logger(__name__)

EVERY_SECONDS = 8.0
# A hand-over that takes longer than this will never end: its rows are let go.
LONGEST_SECONDS = 3600.0


class Keeper:
    """The flights of this process that are under way, and one thread that renews their leases."""

    def __init__(self, *, every: float = EVERY_SECONDS) -> None:
        self._every = every
        self._flights: dict[int, tuple[Sequence[Lease], float]] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def keep(self, leases: Sequence[Lease]) -> int:
        """Renew these leases until they are let go; returns a number to let go of them by."""
        with self._changed:
            number = id(leases)
            self._flights[number] = (leases, time.monotonic() + LONGEST_SECONDS)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="leases", daemon=True)
                self._thread.start()
        return number

    def let_go(self, number: int) -> None:
        """Renew them no more."""
        with self._changed:
            self._flights.pop(number, None)

    def _run(self) -> None:
        pause = threading.Event()
        while not pause.wait(self._every):
            now = time.monotonic()
            with self._changed:
                under_way = [leases for leases, until in self._flights.values() if now < until]
            if under_way:
                self._renew([lease for leases in under_way for lease in leases])

    def _renew(self, leases: Sequence[Lease]) -> None:
        try:
            queue.renew(leases)
        except (DatabaseError, InterfaceError) as error:
            log.warning("lease_not_renewed", error=type(error).__name__)
        finally:
            connection.close()


_keeper = Keeper()
keep = _keeper.keep
let_go = _keeper.let_go
