"""While workers die one after the other, what may have been sent is not sent again yet."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection

from delivery import dispatch, queue
from delivery.dispatch import STORM_SECONDS
from delivery.lifecycle import State, Uncertain
from delivery.models import Attempt, Delivery
from notifysite.plumbing import claims
from tests.fakes.scripted import Ledger, Scripted

pytestmark = pytest.mark.django_db

DEFAULT = 2
Queued = Callable[..., list[UUID]]


def marked(delivery: UUID, *, by: UUID) -> None:
    """Claimed under this token, and marked."""
    queue.claim(DEFAULT, token=by)
    assert queue.mark([(delivery, by)], provider="scripted")


def run_out(delivery: UUID) -> None:
    """Let its lease run out."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE delivery SET due_at = statement_timestamp() WHERE id = %s", [delivery]
        )


def stand(delivery: UUID) -> tuple[int, int]:
    row = Delivery.objects.get(id=delivery)
    return row.state, row.unknowns


def lost(queued: Queued, **values: Any) -> UUID:
    """A delivery whose worker died, half a minute ago."""
    (delivery,) = queued(**values)
    marked(delivery, by=uuid4())
    run_out(delivery)
    return delivery


def somebody_dies(queued: Queued) -> UUID:
    """Just now, with a message in hand; returns that one."""
    (delivery,) = queued()
    claims.holders()
    marked(delivery, by=uuid4())
    # The token was a stranger's, but it was our session that took its lock.
    with connection.cursor() as cursor:
        cursor.execute("UPDATE delivery SET lease = %s WHERE id = %s", [uuid4(), delivery])
    return delivery


def test_what_is_in_doubt_is_not_sent_again_while_others_die(
    provider: Ledger, queued: Queued
) -> None:
    first = lost(queued)
    second = somebody_dies(queued)

    assert dispatch.recover() == 1

    assert (stand(first), Attempt.objects.count()) == ((State.SENDING, 0), 0)
    row = Delivery.objects.get(id=first)
    assert row.due_at is not None
    assert row.lease is None  # else it would be taken for one of those who died
    assert row.due_at - datetime.now(UTC) < timedelta(seconds=claims.LEASE_SECONDS)
    assert stand(second) == (State.SENDING, 0)


def test_once_nobody_has_died_for_a_while_it_is(provider: Ledger, queued: Queued) -> None:
    first = lost(queued)
    second = somebody_dies(queued)
    dispatch.recover()

    for delivery in (first, second):
        run_out(delivery)
    assert dispatch.recover() == 2

    assert [stand(one) for one in (first, second)] == [(State.QUEUED, 1)] * 2


def test_workers_that_live_make_no_storm(provider: Ledger, queued: Queued) -> None:
    first = lost(queued)
    (second,) = queued()
    marked(second, by=claims.token())

    dispatch.recover()

    assert [stand(one) for one in (first, second)] == [(State.QUEUED, 1), (State.SENDING, 0)]


def test_what_is_not_sent_again_is_called_uncertain_at_once(
    provider: Ledger, queued: Queued
) -> None:
    first = lost(queued, uncertain=Uncertain.STOP)
    somebody_dies(queued)

    dispatch.recover()

    assert stand(first) == (State.UNCERTAIN, 1)


def test_a_provider_that_folds_is_asked_again_at_once(
    provider: Ledger, queued: Queued, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Scripted, "idempotent_for", 3600.0, raising=False)
    first = lost(queued)
    somebody_dies(queued)

    dispatch.recover()

    assert stand(first) == (State.QUEUED, 1)


def test_a_storm_that_does_not_end_is_not_waited_for(provider: Ledger, queued: Queued) -> None:
    since = datetime.now(UTC) - timedelta(seconds=STORM_SECONDS)
    first = lost(queued, accepted_at=since)
    somebody_dies(queued)

    dispatch.recover()

    assert stand(first) == (State.QUEUED, 1)
