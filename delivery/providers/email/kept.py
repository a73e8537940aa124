"""Connections kept for the next letter."""

import os
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Generic, TypeVar

Kind = TypeVar("Kind")

# Firewalls and servers forget idle connections, and not all of them say so.
KEPT_SECONDS: Final = 30.0


class Kept(Generic[Kind]):
    """Idle connections, the last used first; each is in one thread's hands at a time."""

    def __init__(self, drop: Callable[[Kind], None]) -> None:
        self._drop = drop
        self._idle: deque[tuple[Kind, int, float]] = deque()

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
