"""Accounts nobody used before, and processes that take from them."""

import uuid
from collections.abc import Callable, Iterator

import pytest
from django.conf import settings as configured

from delivery.throttle import Buckets
from tests.fakes.wire import Wire

BUSY = 60.0  # seconds of patience with a machine that has other work


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def account() -> str:
    return f"test:{uuid.uuid4()}"


@pytest.fixture
def made() -> Iterator[Callable[[str], Buckets]]:
    """Make the buckets of another process, with a clock of their own."""
    every: list[Buckets] = []

    def make(url: str = configured.REDIS_URL) -> Buckets:
        every.append(Buckets(url, patience=BUSY))
        every[-1].outage.clock = Clock()
        return every[-1]

    yield make
    for each in every:
        each.close()


@pytest.fixture
def wire() -> Iterator[Wire]:
    wire = Wire(configured.REDIS_URL)
    yield wire
    wire.close()


@pytest.fixture
def away(made, wire) -> Buckets:
    """The buckets of a process that does not reach Redis, and has noticed."""
    wire.cut()
    buckets = made(wire.url)
    buckets.outage.ask(buckets.client.ping)
    return buckets
