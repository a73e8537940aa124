"""Rows of months nobody made: they are worked on, and move when their month is made."""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import pytest
from django.db import connection

from delivery import dispatch
from delivery.lifecycle import State
from delivery.models import Attempt, Delivery
from notifysite.plumbing import ids, partitions
from tests.fakes.scripted import Ledger

pytestmark = pytest.mark.django_db

DEFAULT = 2
LATER = datetime(2091, 5, 17, tzinfo=UTC)
Queued = Callable[..., list[UUID]]


@pytest.fixture
def stray(queued: Queued) -> UUID:
    """A delivery minted by a clock that was far ahead."""
    (delivery,) = queued(id=ids.uuid7(int(LATER.timestamp() * 1000)))
    return delivery


def lies_in(table: str, id_: UUID) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT tableoid::regclass::text FROM {table} WHERE id = %s", [id_])
        return str(cursor.fetchone()[0])


def test_a_message_of_no_month_is_sent_like_any(provider: Ledger, stray: UUID) -> None:
    dispatch.dispatch_due(DEFAULT)

    assert Delivery.objects.get(id=stray).state == State.SENT
    assert lies_in("delivery", stray) == "delivery_default"
    assert lies_in("delivery_attempt", Attempt.objects.get().id) == "delivery_attempt_default"
    assert partitions.health(datetime.now(UTC)).stray == ("delivery", "delivery_attempt")


def test_rows_of_a_month_move_in_when_it_is_made(
    provider: Ledger, stray: UUID, queued: Queued
) -> None:
    (present,) = queued()
    made = partitions.ensure_months(LATER)

    assert "delivery_y2091m05" in made
    assert lies_in("delivery", stray) == "delivery_y2091m05"
    assert partitions.health(LATER).well
    dispatch.dispatch_due(DEFAULT)
    assert set(Delivery.objects.values_list("id", "state")) == {
        (stray, State.SENT),
        (present, State.SENT),
    }


def test_a_month_that_took_rows_in_is_indexed_like_any(stray: UUID) -> None:
    partitions.ensure_months(LATER)

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename, count(*) FROM pg_indexes"
            " WHERE tablename IN ('delivery_y2091m05', 'delivery_y2091m06') GROUP BY 1 ORDER BY 1"
        )
        (_, moved), (_, plain) = cursor.fetchall()
        cursor.execute(
            "SELECT count(*) FROM pg_index WHERE indrelid = 'delivery_y2091m05'::regclass"
            " AND NOT indisvalid"
        )
        assert cursor.fetchone()[0] == 0
    assert moved == plain


def test_making_months_twice_makes_them_once(stray: UUID) -> None:
    assert partitions.ensure_months(LATER)
    assert partitions.ensure_months(LATER) == []
