"""How many tabs of one person are open, over all processes: a limited number of seats in Redis.

A seat whose process died is free again after a while, so nothing has to clean up.
"""

import time

from django.conf import settings
from redis import asyncio as redis

MOST = 10
HELD_SECONDS = 120  # a seat is kept by saying so at every beat, well within this
PATIENCE = 1.5


async def take(recipient_id: int, name: str) -> bool:
    """Take a seat, or keep the one that bears this name; False when all are taken."""
    key, now = _key(recipient_id), time.time()
    async with _connection() as connection:
        async with connection.pipeline() as batch:
            batch.zremrangebyscore(key, 0, now)
            batch.zadd(key, {name: now + HELD_SECONDS})
            batch.zcard(key)
            batch.expire(key, HELD_SECONDS)
            _, added, taken, _ = await batch.execute()
        if added and taken > MOST:
            await connection.zrem(key, name)
            return False
    return True


async def leave(recipient_id: int, name: str) -> None:
    """Give a seat back."""
    async with _connection() as connection:
        await connection.zrem(_key(recipient_id), name)


def _key(recipient_id: int) -> str:
    return f"inbox:seats:{recipient_id}"


def _connection() -> "redis.Redis":
    return redis.from_url(
        settings.REDIS_URL, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE
    )
