"""Breakers: opened by what flights answered, closed by one probe in the whole fleet."""

import threading
from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from delivery import health
from delivery.contracts import Outcome
from delivery.health import Way
from delivery.lifecycle import OutcomeKind
from delivery.models import AuditEntry, Breaker, Sample
from notifysite.plumbing.statements import run_together

pytestmark = pytest.mark.django_db

WAY = Way("acme", 1)
ACCEPTED, TRANSIENT = OutcomeKind.ACCEPTED, OutcomeKind.TRANSIENT
UNKNOWN, ACCOUNT = OutcomeKind.UNKNOWN, OutcomeKind.ACCOUNT


@pytest.fixture(autouse=True)
def _forget() -> None:
    health.forget()


def answers(
    *kinds: OutcomeKind, code: str = "503", retry_after: float | None = None
) -> list[Outcome]:
    return [
        Outcome(reference=uuid4(), kind=kind, code=code, retry_after=retry_after) for kind in kinds
    ]


def landed(outcomes: Sequence[Outcome], *, probe: bool = False, way: Way = WAY) -> None:
    if said := health.sample(way, outcomes):
        with connection.cursor() as cursor:
            run_together(cursor, said)
    health.judge(way, outcomes, probe=probe)


def let_the_probe_be_due() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE delivery_breaker SET until = clock_timestamp()")
    health.forget()


def broken() -> None:
    landed(answers(*[TRANSIENT] * 20))


def test_a_provider_nobody_has_heard_of_is_well() -> None:
    assert (health.pulse(WAY).wait(), health.pulse(WAY).is_closed) == (0.0, True)


def test_twenty_tries_of_which_half_failed_open_it_for_half_a_minute() -> None:
    landed(answers(*[ACCEPTED] * 10))
    landed(answers(*[TRANSIENT] * 9))
    assert health.pulse(WAY).is_closed

    landed(answers(TRANSIENT))

    assert 25 < health.pulse(WAY).wait() <= 30
    row = Breaker.objects.get()
    assert (row.opens, row.reason) == (1, "10 of 20 tries failed in 30 s (503)")
    assert list(AuditEntry.objects.values_list("actor", "action", "target")) == [
        ("system", "breaker.opened", "provider:acme")
    ]


def test_lost_answers_are_failures_too() -> None:
    landed(answers(*[UNKNOWN] * 20, code="deadline"))

    assert health.pulse(WAY).wait() > 0


def test_five_account_errors_in_a_row_open_it_and_one_success_between_does_not() -> None:
    landed(answers(*[ACCOUNT] * 4, code="401"))
    landed(answers(ACCEPTED))
    landed(answers(*[ACCOUNT] * 4, code="401"))
    assert health.pulse(WAY).is_closed

    landed(answers(ACCOUNT, code="401"))
    assert Breaker.objects.get().reason == "5 account errors in a row (401)"


def test_twenty_failures_in_a_row_open_it_however_much_went_well_before() -> None:
    landed(answers(*[ACCEPTED] * 200))
    landed(answers(*[TRANSIENT] * 19))
    assert health.pulse(WAY).is_closed

    landed(answers(TRANSIENT))

    assert Breaker.objects.get().reason == "20 tries in a row failed (503)"


def test_failures_that_come_slowly_open_it_too() -> None:
    landed(answers(*[TRANSIENT] * 19))
    Sample.objects.update(at=timezone.now() - timedelta(minutes=10))

    landed(answers(TRANSIENT))

    assert Breaker.objects.get().reason == "20 tries in a row failed (503)"


def test_what_is_long_past_opens_nothing() -> None:
    landed(answers(*[TRANSIENT] * 19))
    Sample.objects.update(at="2020-01-01T00:00:00Z")

    landed(answers(TRANSIENT))

    assert health.pulse(WAY).is_closed


def test_another_channel_of_the_same_provider_has_its_own() -> None:
    broken()

    assert health.pulse(Way("acme", 2)).is_closed


def test_it_opens_once_however_many_see_it() -> None:
    broken()
    health.forget()
    broken()

    assert AuditEntry.objects.filter(action="breaker.opened").count() == 1


def test_nobody_may_probe_before_it_is_due() -> None:
    broken()

    assert not health.take_probe(WAY)


def test_a_probe_is_one_persons_until_it_is_back() -> None:
    broken()
    let_the_probe_be_due()
    assert health.pulse(WAY).wait() == 0.0

    assert health.take_probe(WAY)
    assert not health.take_probe(WAY)
    assert 0 < health.pulse(WAY).wait() <= health.PROBED_PAUSE


def test_a_probe_that_goes_through_closes_it() -> None:
    broken()
    let_the_probe_be_due()
    health.take_probe(WAY)

    landed(answers(ACCEPTED), probe=True)

    assert health.pulse(WAY).is_closed
    row = Breaker.objects.get()
    assert (row.opens, row.until, row.probe_until) == (0, None, None)
    assert AuditEntry.objects.filter(action="breaker.closed").count() == 1


def test_what_failed_before_it_closed_does_not_open_it_again() -> None:
    broken()
    let_the_probe_be_due()
    landed(answers(ACCEPTED), probe=True)

    landed(answers(TRANSIENT))

    assert health.pulse(WAY).is_closed


def test_a_probe_that_fails_keeps_it_open_for_a_quarter_of_the_outage() -> None:
    broken()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE delivery_breaker SET switched_at = clock_timestamp() - interval '600 seconds'"
        )
    let_the_probe_be_due()
    health.take_probe(WAY)

    landed(answers(TRANSIENT), probe=True)

    assert 145 < health.pulse(WAY).wait() <= 151
    assert Breaker.objects.get().opens == 2


def test_a_probe_is_not_sent_before_the_provider_asked_for_it() -> None:
    broken()
    let_the_probe_be_due()
    health.take_probe(WAY)

    landed(answers(TRANSIENT, code="429", retry_after=300), probe=True)

    assert 295 < health.pulse(WAY).wait() <= 300


def test_a_probe_that_was_withdrawn_proves_nothing_and_the_next_may_try() -> None:
    broken()
    let_the_probe_be_due()
    health.take_probe(WAY)

    health.judge(WAY, [], probe=True)

    assert health.take_probe(WAY)


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_gets_the_probe() -> None:
    broken()
    let_the_probe_be_due()
    won: list[bool] = []
    start = threading.Barrier(8)

    def ask() -> None:
        start.wait()
        won.append(health.take_probe(WAY))
        connection.close()

    workers = [threading.Thread(target=ask) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert sorted(won) == [False] * 7 + [True]
