"""Connections kept for the next letter."""

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final, Generic, TypeVar

Kind = TypeVar("Kind")

# Firewalls and servers forget idle connections, and not all of them say so.
KEPT_SECONDS: Final = 30.0


class Kept(Generic[Kind]):
    """Idle connections, the last used first; each is in one thread's hands at a time."""

    def __init__(self, drop: Callable[[Kind], None]) -> None:
        self._drop = drop
        self._idle: deque[tuple[Kind, int, float]] = deque()
        self._closed = False

    def take(self) -> Kind | None:
        """A connection that is likely to work, None where there is none."""
        while self._idle:
            try:
                connection, pid, since = self._idle.pop()
            except IndexError:  # another thread was faster
                return None
            # A fork must not talk into its parent's connection.
            if pid == os.getpid() and time.monotonic() - since < KEPT_SECONDS:
                return connection
            self._drop(connection)
        return None

    def give(self, connection: Kind) -> None:
        """Keep a connection that works."""
        self._idle.append((connection, os.getpid(), time.monotonic()))
        if self._closed:
            for late in self.close():
                self._drop(late)

    def close(self) -> Iterator[Kind]:
        """Keep nothing from now on; the connections that were kept, to take leave of."""
        self._closed = True
        while (connection := self.take()) is not None:
            yield connection
