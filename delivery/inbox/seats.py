"""How many tabs of one person are open, over all processes: a limited number of seats in Redis.

A seat whose process died is free again after a while, so nothing has to clean up.
"""

import time

from django.conf import settings
from redis import asyncio as redis

MOST = 10
HELD_SECONDS = 120  # a seat is kept by saying so at every beat, well within this
PATIENCE = 1.5


# One answer to read, where the single commands in a transaction have six.
_TAKE = """
    redis.call('ZREMRANGEBYSCORE', KEYS[1], 0, ARGV[1])
    if not redis.call('ZSCORE', KEYS[1], ARGV[3])
            and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[4]) then
        return 0
    end
    redis.call('ZADD', KEYS[1], ARGV[1] + ARGV[2], ARGV[3])
    redis.call('EXPIRE', KEYS[1], ARGV[2])
    return 1
"""


async def take(recipient_id: int, name: str) -> bool:
    """Take a seat, or keep the one that bears this name; False when all are taken."""
    async with _connection() as connection:
        words = (str(time.time()), str(HELD_SECONDS), name, str(MOST))
        return bool(await connection.eval(_TAKE, 1, _key(recipient_id), *words))


async def leave(recipient_id: int, name: str) -> None:
    """Give a seat back."""
    async with _connection() as connection:
        await connection.zrem(_key(recipient_id), name)


def _key(recipient_id: int) -> str:
    return f"inbox:seats:{recipient_id}"


def _connection() -> "redis.Redis":
    # Nobody asks who we are; to find out, and to say so, takes longer than all the rest.
    return redis.from_url(
        settings.REDIS_URL,
        socket_timeout=PATIENCE,
        socket_connect_timeout=PATIENCE,
        driver_info=None,
    )
