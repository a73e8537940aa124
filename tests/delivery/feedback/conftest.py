"""Deliveries that a provider was given, and what it says of them."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from delivery.contracts import Report
from delivery.lifecycle import EventKind, OutcomeKind, State
from delivery.models import Attempt, Delivery
from notifysite.plumbing import ids

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def given(queued: Callable[..., list[UUID]]) -> Callable[..., list[UUID]]:
    """Deliveries that were handed to a provider, by default to "acme" and taken.

    Each has an address of its own, and was made and sent around noon of a day long ago.
    """

    def make(
        count: int = 1,
        *,
        provider: str = "acme",
        state: State = State.SENT,
        outcome: OutcomeKind | None = OutcomeKind.ACCEPTED,
        **values: Any,
    ) -> list[UUID]:
        made = [queued(**{"address_hash": ids.uuid7().bytes * 2} | values)[0] for _ in range(count)]
        rows = Delivery.objects.filter(id__in=made)
        rows.update(state=state, provider=provider, created_at=NOON, accepted_at=NOON)
        if outcome is not None:
            tried(made, provider=provider, outcome=outcome)
        if outcome is OutcomeKind.ACCEPTED:
            rows.update(sent_at=NOON + timedelta(seconds=1))
        if state is not State.QUEUED:
            rows.update(due_at=None)
        return made

    return make


def tried(
    deliveries: Sequence[UUID],
    *,
    provider: str = "acme",
    outcome: OutcomeKind = OutcomeKind.ACCEPTED,
) -> None:
    """Write an attempt of each down; the provider calls it `ref-<delivery>`."""
    Attempt.objects.bulk_create(
        Attempt(
            id=ids.sibling(delivery),
            delivery_id=delivery,
            number=1,
            provider=provider,
            outcome=outcome,
            provider_ref=f"ref-{delivery}",
        )
        for delivery in deliveries
    )


def says(kind: EventKind, delivery: UUID | None, *, after: float = 60.0, **values: Any) -> Report:
    """A report about a delivery, so many seconds after noon."""
    at = NOON + timedelta(seconds=after)
    return Report(**{"kind": kind, "at": at, "reference": delivery} | values)


def count(table: str) -> int:
    """How many rows a table has."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        return int(cursor.fetchone()[0])
