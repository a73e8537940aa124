"""Whoever writes several deliveries locks them in id order: nobody waits in a circle."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction

from delivery import feedback, queue
from delivery.contracts import Report
from delivery.lifecycle import EventKind, State
from delivery.models import Delivery
from notifysite.plumbing import ids
from tests.fakes.scripted import Ledger

pytestmark = pytest.mark.django_db(transaction=True)

DEFAULT = 2
Queued = Callable[..., list[UUID]]
Write = Callable[[list[queue.Lease]], object]


def _receipts(leases: list[queue.Lease]) -> list[Report]:
    at = datetime.now(UTC)
    return [Report(kind=EventKind.DELIVERED, at=at, reference=row) for row, _ in reversed(leases)]


WRITES: list[tuple[str, State, Write]] = [
    ("mark", State.QUEUED, lambda leases: queue.mark(leases, provider="x")),
    ("release", State.QUEUED, queue.release),
    ("renew", State.SENDING, queue.renew),
    ("report", State.SENDING, lambda leases: feedback.report("x", _receipts(leases))),
]


@pytest.mark.parametrize(("state", "write"), [pytest.param(*rest, id=id) for id, *rest in WRITES])
def test_a_write_waits_for_the_first_row_before_it_holds_the_second(
    provider: Ledger, queued: Queued, state: State, write: Write
) -> None:
    """The second lies first on disk. Held up at the first, the write must not have it yet."""
    first, second = sorted(ids.uuid7() for _ in range(2))
    queued(id=second)
    queued(id=first)
    token = uuid4()
    Delivery.objects.update(lease=token, state=state)
    other = threading.Thread(target=_closing(write), args=([(first, token), (second, token)],))

    with transaction.atomic():
        _lock(first)
        other.start()
        while not _somebody_waits():
            assert other.is_alive()
        _lock(second)
    other.join()


def _closing(write: Write) -> Callable[[list[queue.Lease]], None]:
    def run(leases: list[queue.Lease]) -> None:
        try:
            write(leases)
        finally:
            connection.close()

    return run


def _lock(id_: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM delivery WHERE id = %s FOR NO KEY UPDATE NOWAIT", [id_])


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()"
            " AND pg_backend_pid() = ANY(pg_blocking_pids(pid)))"
        )
        return bool(cursor.fetchone()[0])
