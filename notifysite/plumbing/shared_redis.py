"""Redis where it helps and may be gone: little patience with it, and a pause after it failed."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

Answer = TypeVar("Answer")

logger = logging.getLogger(__name__)

PATIENCE = 0.25  # seconds that a call may wait for Redis
PAUSE = 5.0  # seconds without Redis after it failed; then one call tries it
LOG_EVERY = 60.0  # seconds
# One for each thread that asks: the client's own hundred, used up, would look like an outage.
MOST_CONNECTIONS = 1_000


def options(*, patience: float = PATIENCE) -> dict[str, Any]:
    """How to connect: RedisError or OSError after `patience` seconds without an answer."""
    return {
        "socket_timeout": patience,
        "socket_connect_timeout": patience,
        "retry": Retry(NoBackoff(), 0),
        "max_connections": MOST_CONNECTIONS,
    }


def connect(url: str, *, patience: float = PATIENCE) -> redis.Redis:
    """A client of the Redis at `url`; nothing is said to it yet."""
    return redis.Redis.from_url(url, **options(patience=patience))


class Outage:
    """Asks Redis, and after it failed not again for a while; then by one call only.

    `consequence` is what the log says of doing without it. `clock` is in seconds.
    """

    def __init__(self, consequence: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._consequence = consequence
        self._lock = threading.Lock()
        self._again_at: float | None = None  # None while Redis answers
        self._logged_at: float | None = None

    def ask(self, redis_call: Callable[[], Answer]) -> Answer | None:
        """What Redis answers; None where it failed or is left alone."""
        if not self._may_ask():
            return None
        try:
            answer = redis_call()
        except (RedisError, OSError) as error:
            self._failed(error)
            return None
        self._again_at = None
        return answer

    def _may_ask(self) -> bool:
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
        logger.warning("%s, Redis failed: %s", self._consequence, type(error).__name__)
