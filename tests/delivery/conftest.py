"""Deliveries without notifications: a plain seal, a scripted provider, all by settings."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from delivery import channels, queue, routing, throttle
from delivery.lifecycle import Uncertain
from delivery.models import Delivery
from notifysite.plumbing import ids
from notifysite.plumbing.statements import array
from tests.fakes import scripted, sealing

EMAIL = channels.EMAIL.number


@pytest.fixture
def provider(settings: Any) -> Iterator[scripted.Ledger]:
    """The ledger of the only email provider there is, flights of 5."""
    yield from _install(settings, {"scripted": 5})


@pytest.fixture
def two_providers(settings: Any) -> Iterator[dict[str, scripted.Ledger]]:
    """Two email providers, first and second."""
    for _ in _install(settings, {"first": 5, "second": 5}):
        yield scripted.LEDGERS


def _install(settings: Any, flights: dict[str, int]) -> Iterator[scripted.Ledger]:
    settings.DELIVERY_PROVIDERS = {
        alias: {
            "BACKEND": "tests.fakes.scripted.Scripted",
            "CHANNELS": ["email"],
            "OPTIONS": {"flight": flight},
        }
        for alias, flight in flights.items()
    }
    settings.DELIVERY_ROUTES = {"email": list(flights)}
    settings.DELIVERY_SEAL = "tests.fakes.sealing.seal"
    settings.DELIVERY_OBSERVERS = ["tests.fakes.sealing.observe"]
    for kept in (sealing.ANSWERS, sealing.SEALED, sealing.OBSERVED):
        kept.clear()
    scripted.LEDGERS.clear()
    scripted.LEDGERS.update({alias: scripted.Ledger() for alias in flights})
    routing.forget()
    yield scripted.LEDGERS[next(iter(flights))]
    routing.forget()


@pytest.fixture
def queued(db: None) -> Callable[..., list[UUID]]:
    """Queue some deliveries, due now."""

    def make(count: int = 1, **values: Any) -> list[UUID]:
        now = datetime.now(UTC)
        rows = [
            {
                "id": ids.uuid7(),
                "notification_id": ids.uuid7(),
                "recipient_id": 1,
                "address_id": 1,
                "address_hash": b"h" * 32,
                "channel": EMAIL,
                "step": 1,
                "lane": 2,
                "mode": 1,
                "uncertain": Uncertain.RESEND,
                "expires_at": None,
                "accepted_at": now,
                "person_changed_at": now,
            }
            | values
            for _ in range(count)
        ]
        with connection.cursor() as cursor:
            cursor.execute(queue.INSERT, {name: array(of) for name, of in queue.new(rows).items()})
        return [row["id"] for row in rows]

    return make


@pytest.fixture
def state_of() -> Callable[[UUID], Delivery]:
    """The row as it stands."""
    return lambda id_: Delivery.objects.get(id=id_)


@pytest.fixture
def patient_throttle(settings: Any) -> Iterator[None]:
    """This process's own buckets, with patience for a machine that is busy."""
    throttle.buckets.cache_clear()
    pool = throttle.buckets(settings.REDIS_URL).client.connection_pool
    pool.connection_kwargs |= {"socket_timeout": 60, "socket_connect_timeout": 60}
    yield
    throttle.buckets(settings.REDIS_URL).close()
    throttle.buckets.cache_clear()
