"""How often a key may call: a sliding minute, counted in Redis, or in the database without.

Both are exact however many calls meet; a busy process counts a few calls beforehand (`shares`).
They do not know of each other: in the minute in which
Redis goes or comes back, and while only some processes reach it, a key may call twice its limit.
Where the database fails too the call fails, which could do nothing without it.
The answer carries the fields of draft-ietf-httpapi-ratelimit-headers-10.
"""

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from notifications.services.counters import (
    WINDOW,
    BlockCounter,
    Count,
    Counter,
    DatabaseCounter,
    SharedCounter,
)
from notifications.services.keyring import Caller
from notifications.services.shares import Shares
from notifysite.plumbing.shared_redis import Outage

if TYPE_CHECKING:  # the views load their default throttle, which is this module
    from rest_framework.views import APIView


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
    """Counts with `shared`, and with `otherwise` for a while after that failed."""

    def __init__(self, shared: BlockCounter, *, otherwise: Counter | None = None) -> None:
        self.outage = Outage("rate limits are counted in the database")
        self.shares = Shares()
        self._shared = shared
        self._otherwise = otherwise or DatabaseCounter()

    def hit(self, name: str, limit: int) -> Standing:
        """Count one call; it raises nothing that Redis does."""
        share = self.shares.draw(name, limit)
        if share is not None:
            return Standing(True, limit, share.remaining, share.reset)
        size = self.shares.size(name, limit)
        count = self.outage.ask(lambda: self._shared.take(name, limit, size))
        if count is not None and count.accepted:
            return self._counted(name, Standing.of(count, limit), size)
        self.shares.drop(name)
        if count is not None and size > 1:
            return self.hit(name, limit)  # so many did not fit; one may
        return Standing.of(count or self._otherwise.take(name, limit), limit)

    def _counted(self, name: str, standing: Standing, size: int) -> Standing:
        limit, free = standing.limit, standing.remaining
        self.shares.put(name, size, limit=limit, free=free, reset=standing.reset)
        return replace(standing, remaining=free + size - 1)


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
