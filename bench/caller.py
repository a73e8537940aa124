"""Callers of an API over HTTP: `python -m bench.caller hammer|pace …`, as cheap as Python can.

`hammer` posts without a pause on so many connections for so many seconds; `pace` posts so many a
second, whether or not the last one has been answered. Both tell as JSON what became of it.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from bench import content
from bench.reading import percentile

PEOPLE = 10_000  # who are written to, over and over
ITEMS = 1_000  # of a bulk request
PREPARED = {"one": PEOPLE, "many": PEOPLE // ITEMS}  # bodies, written before
RUN = uuid4().hex  # so that no idempotency key comes again


def one(number: int) -> Any:
    """A single notification."""
    return {"type": "receipt", "to": f"p{number % PEOPLE}", "data": content.data(number)}


def many(number: int) -> Any:
    """A bulk request of a thousand."""
    people = range(number * ITEMS, (number + 1) * ITEMS)
    return {
        "notifications": [
            {"type": "parcel", "to": f"p{person % PEOPLE}", "data": content.data(person)}
            for person in people
        ]
    }


def ring(number: int) -> Any:
    """An item for one inbox."""
    return {"type": "bell", "to": f"p{number}"}


def single(number: int) -> Any:
    """A letter to somebody who got none yet."""
    return {"type": "receipt", "to": f"p{number}", "data": content.data(number)}


BODIES: dict[str, Callable[[int], Any]] = {"one": one, "many": many, "ring": ring, "single": single}


@dataclass(slots=True)
class Door:
    """Where requests go, and with what."""

    url: str
    key: str
    keyed: bool = False

    def request(self, body: bytes, number: int) -> bytes:
        """The bytes of a POST."""
        parts = urlsplit(self.url)
        own = f"Idempotency-Key: {RUN}-{number}\r\n" if self.keyed else ""
        head = (
            f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            f"Authorization: Bearer {self.key}\r\nContent-Type: application/json\r\n"
            f"{own}Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    async def open(self) -> "Line":
        """A connection."""
        parts = urlsplit(self.url)
        return Line(*await asyncio.open_connection(parts.hostname, parts.port))


class Line:
    """A connection that is kept; one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def post(self, request: bytes) -> int:
        """Send a request and read its answer; returns the status."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        at = head.lower().index(b"content-length:") + 15
        await self._reader.readexactly(int(head[at : head.index(b"\r\n", at)]))
        return int(head[9:12])

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


@dataclass(slots=True)
class Log:
    """What was asked and answered: the statuses, and per request when it began and ended."""

    statuses: Counter[int] = field(default_factory=Counter)
    times: dict[int, tuple[float, float]] = field(default_factory=dict)


async def hammer(
    doors: list[Door], prepared: list[bytes], *, lines: int, seconds: float
) -> dict[str, Any]:
    """Post until the time is up; what is under way then is waited for."""
    log, numbers = Log(), count()
    until = time.monotonic() + seconds

    async def work(door: Door) -> None:
        line = await door.open()
        while (began := time.monotonic()) < until:
            number = next(numbers)
            request = door.request(prepared[number % len(prepared)], number)
            log.statuses[await line.post(request)] += 1
            log.times[number] = (began, time.monotonic())
        line.close()

    began = time.monotonic()
    await asyncio.gather(*(work(doors[one % len(doors)]) for one in range(lines)))
    took = time.monotonic() - began
    waits = [1000 * (ended - begun) for begun, ended in log.times.values()]
    return {
        "statuses": log.statuses,
        "seconds": took,
        "requests": len(log.times),
        "p50_ms": percentile(waits, 0.5),
        "p99_ms": percentile(waits, 0.99),
    }


async def pace(
    doors: list[Door], body: Callable[[int], Any], *, first: int, rate: float, seconds: float
) -> dict[str, Any]:
    """Post at a steady pace, numbered from `first` on; tells when each began and was answered."""
    log = Log()
    idle = [await doors[one % len(doors)].open() for one in range(8)]
    start, posts = time.monotonic(), []

    async def post(number: int) -> None:
        # In turns: a server hangs up a line that is idle for too long.
        line = idle.pop(0) if idle else await doors[number % len(doors)].open()
        door = doors[number % len(doors)]
        began = time.monotonic()
        status = await line.post(door.request(json.dumps(body(number)).encode(), number))
        log.statuses[status] += 1
        log.times[number] = (began, time.monotonic())
        idle.append(line)

    for step in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, start + step / rate - time.monotonic()))
        posts.append(asyncio.create_task(post(first + step)))
    await asyncio.gather(*posts)
    return {"statuses": log.statuses, "times": log.times}


def main(words: list[str]) -> dict[str, Any]:
    """Do what the words ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("how", choices=["hammer", "pace"])
    parser.add_argument("body", choices=BODIES)
    parser.add_argument("urls", nargs="+")
    parser.add_argument("--key", default="")
    parser.add_argument("--keyed", action="store_true", help="with an Idempotency-Key each")
    parser.add_argument("--lines", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rate", type=float, default=50.0)
    parser.add_argument("--first", type=int, default=0)
    asked = parser.parse_args(words)
    doors = [Door(url, asked.key, asked.keyed) for url in asked.urls]
    body = BODIES[asked.body]
    if asked.how == "hammer":
        prepared = [json.dumps(body(one)).encode() for one in range(PREPARED[asked.body])]
        return asyncio.run(hammer(doors, prepared, lines=asked.lines, seconds=asked.seconds))
    steady = pace(doors, body, first=asked.first, rate=asked.rate, seconds=asked.seconds)
    return asyncio.run(steady)


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:])))
