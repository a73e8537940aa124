"""How often a key may call: a sliding minute, counted in Redis, and never a reason to fail.

Where Redis does not answer, each process counts for itself by the same rule until it does.
The answer carries the fields of draft-ietf-httpapi-ratelimit-headers-10.
"""

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from django.conf import settings
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from notifications.services.counters import WINDOW, Count, Counter, LocalCounter, SharedCounter
from notifications.services.keyring import Caller

if TYPE_CHECKING:  # the views load their default throttle, which is this module
    from rest_framework.views import APIView

logger = logging.getLogger(__name__)

PAUSE = 5.0  # seconds without Redis after it failed; then one call tries it
LOG_EVERY = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a caller stands: accepted or not, calls left, and seconds until there are more."""

    accepted: bool
    limit: int
    remaining: int
    reset: int

    @classmethod
    def of(cls, count: Count, limit: int) -> "Standing":
        """Read a count; after a refusal `reset` is when one more call fits."""
        passing = math.floor(count.previous * count.previous_left / WINDOW)
        remaining = max(0, limit - passing - count.current) if count.accepted else 0
        wait = count.current_left
        if not count.accepted and count.previous and count.current < limit:
            wait = count.previous_left % (WINDOW / count.previous)
        return cls(count.accepted, limit, remaining, max(1, math.ceil(wait)))

    def headers(self) -> dict[str, str]:
        """`RateLimit-Policy` with quota and window, `RateLimit` with remaining and seconds."""
        return {
            "RateLimit-Policy": f'"key";q={self.limit};w={WINDOW}',
            "RateLimit": f'"key";r={self.remaining};t={self.reset}',
        }


class Limiter:
    """Counts with `shared`, and without it for a while after it failed; `clock` is in seconds."""

    def __init__(self, shared: Counter, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._shared = shared
        self._own = LocalCounter()
        self.clock = clock
        self._lock = threading.Lock()
        self._again_at: float | None = None  # None while Redis answers
        self._logged_at: float | None = None

    def hit(self, name: str, limit: int) -> Standing:
        """Count one call; it raises nothing that Redis does."""
        if self._try_shared():
            try:
                count = self._shared.take(name, limit)
            except (RedisError, OSError) as error:
                self._failed(error)
            else:
                self._again_at = None
                return Standing.of(count, limit)
        return Standing.of(self._own.take(name, limit), limit)

    def _try_shared(self) -> bool:
        if self._again_at is None:
            return True
        now = self.clock()
        with self._lock:
            if self._again_at is not None and now < self._again_at:
                return False
            # Only this call tries: should Redis still be frozen, the others do not wait with it.
            self._again_at = now + PAUSE
            return True

    def _failed(self, error: Exception) -> None:
        now = self.clock()
        with self._lock:
            self._again_at = now + PAUSE
            silent = self._logged_at is not None and now - self._logged_at < LOG_EVERY
            if silent:
                return
            self._logged_at = now
        # Its type only: the text may hold the address with its password.
        logger.warning("rate limits are per process, Redis failed: %s", type(error).__name__)


@lru_cache(maxsize=4)
def limiter(url: str) -> Limiter:
    """The limiter of this process for the Redis at `url`."""
    return Limiter(SharedCounter(url))


class ApiKeyLimit(BaseThrottle):
    """Lets each key call API_REQUESTS_PER_MINUTE times; recipients have no key and pass.

    It hands the RateLimit headers to the view, which sends them with whatever it answers.
    """

    _reset: float | None = None

    def allow_request(self, request: Request, view: "APIView") -> bool:
        """Count the call; False leads to 429 `rate_limited`."""
        caller = request.auth
        if not isinstance(caller, Caller):
            return True
        limit = settings.API_REQUESTS_PER_MINUTE
        # The prefix is random: ids begin again in a new database beside the same Redis.
        name = f"key:{caller.key_id}:{caller.key_prefix}"
        standing = limiter(settings.REDIS_URL).hit(name, limit)
        view.headers.update(standing.headers())
        self._reset = standing.reset
        return standing.accepted

    def wait(self) -> float | None:
        """Seconds until one more call fits, for Retry-After."""
        return self._reset
