"""Counts of calls in a sliding minute, of all processes together: in Redis, or in the database."""

from dataclasses import dataclass
from typing import Any, Final, Protocol

from django.db import connection
from limits.storage import RedisStorage

from notifysite.plumbing import shared_redis

WINDOW = 60  # seconds


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


class BlockCounter(Protocol):
    """The same, and several calls at a time."""

    def take(self, name: str, limit: int, calls: int = 1) -> Count:
        """Count so many calls more if all fit, and say how the count stands now."""


class SharedCounter:
    """Counts in Redis; RedisError or OSError after `patience` seconds without an answer."""

    def __init__(self, url: str, *, patience: float = shared_redis.PATIENCE) -> None:
        options = shared_redis.options(patience=patience)
        address = f"redis+{url}" if url.startswith("unix://") else url
        self._storage = RedisStorage(address, key_prefix="notifysite:limit", **options)
        self.client: Any = self._storage.get_connection()
        self._script = self.client.register_script(
            _ACQUIRE_AND_READ
            % {
                b"acquire": self._storage.lua_acquire_sliding_window.script,
                b"read": self._storage.lua_sliding_window.script,
            }
        )

    def take(self, name: str, limit: int, calls: int = 1) -> Count:
        """Count so many calls more if all fit, and say how the count stands now."""
        # The braces keep both windows on one node of a cluster.
        current = self._storage.prefixed_key(f"{{{name}}}")
        windows = (f"{current}/-1", current)
        accepted, window = self._script(keys=windows, args=(limit, WINDOW, calls))
        previous, previous_ms, current_calls, current_ms = (max(0, int(n or 0)) for n in window)
        return Count(
            accepted=bool(accepted),
            previous=previous,
            previous_left=previous_ms / 1000,
            current=current_calls,
            current_left=max(0.0, current_ms / 1000 - WINDOW),
        )

    def close(self) -> None:
        """Let go of the connections."""
        self.client.close()


# Two scripts of the library as one: apart, a Redis that has just begun anew may know the one and
# not yet the other, and a call would be counted whose answer is an error.
_ACQUIRE_AND_READ: Final = b"""
local function acquire(ARGV)
%(acquire)s
end
local function read(ARGV)
%(read)s
end
return {acquire(ARGV), read({ARGV[2]})}
"""


class DatabaseCounter:
    """Counts in the database by the same rule, save that its minutes are those of the clock."""

    def take(self, name: str, limit: int) -> Count:
        """One statement: callers that meet wait for the row, and none is counted twice."""
        with connection.cursor() as cursor:
            cursor.execute(_TAKE, {"name": name, "limit": limit, "window": WINDOW})
            accepted, previous, current, left = cursor.fetchone()
        return Count(accepted, previous, left, current, left)


# The time is read once the row is ours, so it never runs backwards from one caller to the next.
# Where the clock was set back, the minute it was goes on.
_TAKE: Final = """
    INSERT INTO api_call_count AS kept (name, at, previous, current, accepted)
    VALUES (%(name)s, clock_timestamp(), 0, LEAST(1, %(limit)s), %(limit)s > 0)
    ON CONFLICT (name) DO UPDATE SET (at, previous, current, accepted) = (
        SELECT time.now, seen.previous, seen.current + fits.accepted::int, fits.accepted
        FROM (SELECT clock_timestamp() AS now) AS time
        CROSS JOIN LATERAL (
            SELECT floor(EXTRACT(epoch FROM time.now) / %(window)s)
                    - floor(EXTRACT(epoch FROM kept.at) / %(window)s) AS windows,
                1 - EXTRACT(epoch FROM time.now) / %(window)s %% 1 AS share
        ) AS since
        CROSS JOIN LATERAL (
            SELECT CASE WHEN since.windows <= 0 THEN kept.previous
                    WHEN since.windows = 1 THEN kept.current ELSE 0 END AS previous,
                CASE WHEN since.windows <= 0 THEN kept.current ELSE 0 END AS current
        ) AS seen
        CROSS JOIN LATERAL (
            SELECT floor(seen.previous * since.share) + seen.current < %(limit)s AS accepted
        ) AS fits
    )
    RETURNING accepted, previous, current,
        (%(window)s - EXTRACT(epoch FROM at) %% %(window)s)::float8
"""
