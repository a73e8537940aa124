"""Hits, gathered for a moment and written down together.

The answer to a request waits for nothing. So a database that is away costs the hits, not the
reader's way to the page; many hits of one link are one write; and it can be seen how many links
were asked for at once, which is what tells a scanner from a reader.
"""

import atexit
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections

from delivery.lifecycle import EventKind
from delivery.tracking import counts, keeping
from delivery.tracking.judging import AT_ONCE_SECONDS, PERSON, who
from delivery.tracking.keeping import Gathered, Hit, Known
from notifysite.plumbing.crypto import CryptoError

log = structlog.get_logger(__name__)

MOST_WAITING = 10_000
MOST_KNOWN = 50_000


class Collector:
    """The hits of a process, and the thread that has them written down."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.dropped = 0  # hits that were never written down
        self._counted = 0  # those of them that the database knows of
        self._changed = threading.Condition()  # guards all of these
        self._waiting: dict[Hit, None] = {}
        self._lately: list[Hit] = []
        self._known: dict[Known, None] = {}
        self._thread: threading.Thread | None = None

    def take(self, hit: Hit) -> None:
        """Have a hit written down soon; costs the caller nothing and cannot fail."""
        known = Known(hit.delivery, hit.kind, by_person=who(hit.facts()) == PERSON)
        with self._changed:
            if known in self._known or hit in self._waiting:
                return
            if len(self._waiting) >= MOST_WAITING:
                self.dropped += 1
                return
            self._waiting[hit] = None
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="hits", daemon=True)
                self._thread.start()
            self._changed.notify()

    def flush(self, *, older: float = 0.0) -> None:
        """Write down the hits that are at least so many seconds old, or drop them."""
        now = self.clock()
        with self._changed:
            ripe = [hit for hit in self._waiting if now - hit.at >= older]
            around = [*self._lately, *self._waiting]
            self._lately = [hit for hit in around if now - hit.at < older + AT_ONCE_SECONDS]
            for hit in ripe:
                del self._waiting[hit]
        if ripe:
            self._keep(ripe, around, now=now)
        self._count_dropped()

    def _keep(self, ripe: Sequence[Hit], around: Sequence[Hit], *, now: float) -> None:
        try:
            self._remember(keeping.keep(list(_gathered(ripe, around, now=now))))
        except (DatabaseError, InterfaceError, CryptoError) as error:
            self.dropped += len(ripe)
            log.warning(
                "hits_dropped", hits=len(ripe), total=self.dropped, error=type(error).__name__
            )

    def _count_dropped(self) -> None:
        """Tell the database of them, once it is there."""
        dropped = self.dropped
        if dropped == self._counted:
            return
        with suppress(DatabaseError, InterfaceError):
            counts.add(counts.DROPPED, dropped - self._counted)
            self._counted = dropped

    def waiting(self) -> int:
        """How many hits are still to be written down."""
        with self._changed:
            return len(self._waiting)

    def forget(self) -> None:
        """Forget all hits, and what was kept."""
        with self._changed:
            for each in (self._waiting, self._lately, self._known):
                each.clear()
            self._counted = self.dropped

    def _remember(self, kept: set[Known]) -> None:
        with self._changed:
            self._known.update(dict.fromkeys(kept))
            while len(self._known) > MOST_KNOWN:
                del self._known[next(iter(self._known))]

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting) or self.dropped > self._counted)
            time.sleep(settings.TRACKING_ROUND_SECONDS)
            close_old_connections()
            # By then, who asks for several links at once has asked for the others too.
            self.flush(older=AT_ONCE_SECONDS)
            close_old_connections()


def _gathered(ripe: Sequence[Hit], around: Sequence[Hit], *, now: float) -> Iterator[Gathered]:
    links: dict[UUID, list[Hit]] = {}
    for hit in around:
        if hit.kind is EventKind.CLICKED:
            links.setdefault(hit.delivery, []).append(hit)
    for hit in ripe:
        yield Gathered(hit, now - hit.at, _at_once(hit, links))


def _at_once(hit: Hit, links: Mapping[UUID, Sequence[Hit]]) -> int:
    if hit.kind is not EventKind.CLICKED:
        return 1
    near = {
        other.link for other in links[hit.delivery] if abs(other.at - hit.at) <= AT_ONCE_SECONDS
    }
    return len(near)


collector = Collector()
atexit.register(collector.flush)
