"""Open connections that are kept for the next time."""

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Generic, NamedTuple, TypeVar

Kind = TypeVar("Kind")

# Firewalls and servers forget idle connections, and not all of them say so.
KEPT_SECONDS: Final = 30.0
MOST_KEPT: Final = 100


class Kept(Generic[Kind]):
    """Idle connections to some places, the last used first; each is in one thread's hands at a
    time."""

    def __init__(self, drop: Callable[[Kind], None]) -> None:
        self._drop = drop
        self._idle: deque[_Idle[Kind]] = deque()  # the longest idle first
        self._lock = threading.Lock()
        self._closed = False

    def take(self, place: object = None) -> Kind | None:
        """A connection to this place that is likely to work, None where there is none."""
        with self._lock:
            old = self._leave(MOST_KEPT)
            found = next((one for one in reversed(self._idle) if one.place == place), None)
            if found:
                self._idle.remove(found)
        self._drop_all(old)
        return found.connection if found else None

    def give(self, connection: Kind, place: object = None) -> None:
        """Keep a connection that works."""
        with self._lock:
            self._idle.append(_Idle(connection, place, os.getpid(), time.monotonic()))
            over = self._leave(0 if self._closed else MOST_KEPT)
        self._drop_all(over)

    def close(self) -> list[Kind]:
        """Keep nothing from now on; the connections that were kept, to take leave of."""
        with self._lock:
            self._closed = True
            old = self._leave(MOST_KEPT)
            kept = [one.connection for one in self._idle]
            self._idle.clear()
        self._drop_all(old)
        return kept

    def _leave(self, most: int) -> list[Kind]:
        """Take out those that are too old, another process', or too many."""
        since, pid = time.monotonic() - KEPT_SECONDS, os.getpid()
        over: list[Kind] = []
        while self._idle:
            oldest = self._idle[0]
            # A fork must not talk into its parent's connection.
            if oldest.since > since and oldest.pid == pid and len(self._idle) <= most:
                break
            over.append(self._idle.popleft().connection)
        return over

    def _drop_all(self, connections: list[Kind]) -> None:
        for connection in connections:
            self._drop(connection)


class _Idle(NamedTuple, Generic[Kind]):
    connection: Kind
    place: object
    pid: int
    since: float
