"""Shares of a limit: calls that a process has counted beforehand, all at once.

To ask Redis is a fifth of what an accepted request costs, so a process that is called a lot asks
for several calls at a time. Counted they are before they come: never more than the limit pass. What
of a share is not used within SECONDS is lost to the key. So a share grows only as the last one was
used up in time; it is at most a 300th of the limit, and one call where little of the limit is left.
"""

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

SECONDS = 0.25
MOST = 64  # calls in a share
PART = 300  # of a limit
RESERVE = 10  # shares of this size that must be left of the limit
KEPT = 4096


class Share(NamedTuple):
    """Calls that are left of `size`; `free`: calls that were left of the limit beside them."""

    size: int
    left: int
    limit: int
    free: int
    reset: int
    until: float

    @property
    def remaining(self) -> int:
        """Calls left to the key, as far as this process knows."""
        return self.free + self.left


class Shares:
    """The shares of this process by name; `clock` is in seconds."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[str, Share] = {}

    def draw(self, name: str, limit: int) -> Share | None:
        """Take one call from a share, and say how that stands then; None where there is none."""
        with self._lock:
            share = self._held.get(name)
            if share is None or not share.left or not self._holds(share, limit):
                return None
            share = self._held[name] = share._replace(left=share.left - 1)
            return share

    def size(self, name: str, limit: int) -> int:
        """How many calls to ask for now, at least one."""
        share = self._held.get(name)
        if share is None or share.left or not self._holds(share, limit):
            return 1
        size = max(1, min(2 * share.size, MOST, limit // PART))
        return size if share.free >= RESERVE * size else 1

    def put(self, name: str, size: int, *, limit: int, free: int, reset: int) -> None:
        """Keep what was counted, but for the call it was asked for."""
        with self._lock:
            if len(self._held) >= KEPT:
                self._held.clear()
            share = self._held.get(name)
            more = share.left if share is not None and self._holds(share, limit) else 0
            until = self._clock() + SECONDS
            self._held[name] = Share(size, size - 1 + more, limit, free, reset, until)

    def drop(self, name: str) -> None:
        """Ask for one call at a time again."""
        with self._lock:
            self._held.pop(name, None)

    def _holds(self, share: Share, limit: int) -> bool:
        return share.limit == limit and self._clock() < share.until
