"""The database goes away between a provider's answer and our writing it down."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError, connection

from delivery import dispatch, leases, routing
from delivery.channels import EMAIL
from delivery.dispatch import settlement
from delivery.lifecycle import OutcomeKind, State
from delivery.models import Delivery, Route
from notifysite.plumbing import ids
from tests.fakes.scripted import Ledger

pytestmark = pytest.mark.django_db(transaction=True)

DEFAULT = 2
Queued = Callable[..., list[UUID]]


@pytest.fixture(autouse=True)
def _kept() -> Any:
    yield
    assert leases._keeper._flights == {}, "nobody renews the leases of flights that are over"


def broken_off(kind: OutcomeKind) -> Callable[[Any], OutcomeKind]:
    """An answer that comes when all is marked, the dispatcher's connection has gone, and nothing is
    remembered."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()

    def answer(_: Any) -> OutcomeKind:
        while Delivery.objects.filter(state=State.QUEUED).exists():
            time.sleep(0.01)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
        routing.forget()
        return kind

    return answer


@pytest.mark.parametrize("kind", [OutcomeKind.ACCEPTED, OutcomeKind.TRANSIENT])
def test_the_answer_is_written_once_it_is_back(
    two_providers: dict[str, Ledger], queued: Queued, kind: OutcomeKind
) -> None:
    queued(2)
    two_providers["first"].script = [kind, broken_off(kind)]
    dispatch.dispatch_due(DEFAULT)
    rows = Delivery.objects.values_list("state", "attempts", "unknowns")
    assert set(rows) == {(State.SENT, 1 + (kind is OutcomeKind.TRANSIENT), 0)}


def test_flights_that_land_while_it_is_away_for_long_are_all_let_go(
    two_providers: dict[str, Ledger], queued: Queued, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settlement, "SETTLE_PAUSES", ())
    for alias, ledger in two_providers.items():
        Route.objects.create(channel=EMAIL.number, provider=alias, position=1)
        ledger.script = [broken_off(OutcomeKind.TRANSIENT)]  # it is asked who may take it next
    routing.forget()
    first = ids.floor(datetime.now(UTC)).int
    queued(1, id=UUID(int=first))  # one has luck 0, the other almost 1
    queued(1, id=UUID(int=first | 0xFFFFFFFF))
    with pytest.raises(OperationalError):
        dispatch.dispatch_due(DEFAULT)
    connection.close()
    assert {*Delivery.objects.values_list("state", flat=True)} == {State.SENDING}
