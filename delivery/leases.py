"""Keep the leases of flights that are under way, however long their provider takes.

A lease is short, so that a dead worker is noticed soon; a mail server may take ten minutes over
the last dot (RFC 5321 section 4.5.3.2.6), and must not be mistaken for one.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

import structlog
from django.db import DatabaseError, InterfaceError, connection

from delivery import queue

log = structlog.get_logger(__name__)

EVERY_SECONDS = 30.0


class Keeper:
    """The flights of this process that are under way, and one thread that renews their leases."""

    def __init__(self, *, every: float = EVERY_SECONDS) -> None:
        self._every = every
        self._flights: dict[int, tuple[Sequence[UUID], UUID]] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    @contextmanager
    def kept(self, ids: Sequence[UUID], *, token: UUID) -> Iterator[None]:
        """Renew the lease of these rows until the block is left."""
        flight = (ids, token)
        with self._changed:
            self._flights[id(flight)] = flight
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="leases", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._changed:
                del self._flights[id(flight)]

    def _run(self) -> None:
        pause = threading.Event()
        while not pause.wait(self._every):
            with self._changed:
                under_way = list(self._flights.values())
            if under_way:
                self._renew(under_way)

    def _renew(self, under_way: Sequence[tuple[Sequence[UUID], UUID]]) -> None:
        try:
            for ids, token in under_way:
                queue.renew(ids, token=token)
        except (DatabaseError, InterfaceError) as error:
            log.warning("lease_not_renewed", error=type(error).__name__)
        finally:
            connection.close()


_keeper = Keeper()
kept = _keeper.kept
