"""Counts of calls in a sliding minute: shared in Redis, or of this process alone."""

import threading
from dataclasses import dataclass
from typing import Any, Protocol

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError
from redis.retry import Retry

WINDOW = 60  # seconds
PATIENCE = 0.25  # seconds that a call may wait for Redis


@dataclass(frozen=True, slots=True)
class Count:
    """Calls of two windows; the previous one weighs less as it passes. Times left in seconds."""

    accepted: bool
    previous: int
    previous_left: float
    current: int
    current_left: float


class Counter(Protocol):
    """Counts the calls of the last minute by name."""

    def take(self, name: str, limit: int) -> Count:
        """Count one call more if it fits, and say how the count stands now."""


class SharedCounter:
    """Counts in Redis; RedisError or OSError after `patience` seconds without an answer."""

    def __init__(self, url: str, *, patience: float = PATIENCE) -> None:
        options: dict[str, Any] = {
            "socket_timeout": patience,
            "socket_connect_timeout": patience,
            "retry": Retry(NoBackoff(), 0),
        }
        address = f"redis+{url}" if url.startswith("unix://") else url
        self._storage = RedisStorage(address, key_prefix="notifysite:limit", **options)
        self.client: Any = self._storage.get_connection()
        self._acquire = self._storage.lua_acquire_sliding_window
        self._read = self._storage.lua_sliding_window

    def take(self, name: str, limit: int) -> Count:
        """One round trip for two scripts of the library, whose own calls would take two."""
        try:
            accepted, window = self._run(name, limit)
        except NoScriptError:
            for script in (self._acquire, self._read):
                self.client.script_load(script.script)
            accepted, window = self._run(name, limit)
        previous, previous_ms, current, current_ms = (max(0, int(part or 0)) for part in window)
        return Count(
            accepted=bool(accepted),
            previous=previous,
            previous_left=previous_ms / 1000,
            current=current,
            current_left=max(0.0, current_ms / 1000 - WINDOW),
        )

    def close(self) -> None:
        """Let go of the connections."""
        self.client.close()

    def _run(self, name: str, limit: int) -> tuple[int | None, list[Any]]:
        # The braces keep both windows on one node of a cluster.
        current = self._storage.prefixed_key(f"{{{name}}}")
        windows = (f"{current}/-1", current)
        with self.client.pipeline(transaction=False) as pipeline:
            pipeline.evalsha(self._acquire.sha, 2, *windows, limit, WINDOW, 1)
            pipeline.evalsha(self._read.sha, 2, *windows, WINDOW)
            accepted, window = pipeline.execute()
        return accepted, window


class LocalCounter:
    """Counts in this process by the same rule."""

    def __init__(self) -> None:
        self._storage = MemoryStorage()
        self._limiter = SlidingWindowCounterRateLimiter(self._storage)
        # The library's memory loses counts of threads that meet; Redis does not.
        self._lock = threading.Lock()

    def take(self, name: str, limit: int) -> Count:
        """Count one call more if it fits, and say how the count stands now."""
        item = RateLimitItemPerMinute(limit)
        with self._lock:
            accepted = self._limiter.hit(item, name)
            window = self._storage.get_sliding_window(item.key_for(name), WINDOW)
        previous, previous_left, current, current_left = window
        return Count(accepted, previous, previous_left, current, current_left - WINDOW)
