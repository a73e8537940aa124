"""Where a provider surely did not take a message, the next of its route does, at once."""

from collections import deque
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection

from delivery import dispatch, health, queue
from delivery.dispatch import dispatcher
from delivery.dispatch.flights import Claimed, cut, in_order
from delivery.lifecycle import OutcomeKind, Reason, State
from delivery.models import Attempt, Breaker, Delivery
from tests.fakes.scripted import Ledger

pytestmark = pytest.mark.django_db

DEFAULT = 2
TRANSIENT, ACCOUNT, UNKNOWN = OutcomeKind.TRANSIENT, OutcomeKind.ACCOUNT, OutcomeKind.UNKNOWN
Queued = Callable[..., list[UUID]]
Two = dict[str, Ledger]


def tries(delivery: UUID) -> list[tuple[str, int]]:
    rows = Attempt.objects.filter(delivery_id=delivery).order_by("created_at", "id")
    return list(rows.values_list("provider", "outcome"))


def probe_is_due() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE delivery_breaker SET until = clock_timestamp()")
        cursor.execute("UPDATE delivery SET due_at = clock_timestamp() WHERE due_at IS NOT NULL")
    health.forget()


def due_now() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE delivery SET due_at = clock_timestamp()")


@pytest.mark.parametrize("failure", [TRANSIENT, ACCOUNT])
def test_the_next_provider_takes_it_in_the_same_go(
    two_providers: Two, queued: Queued, failure: OutcomeKind
) -> None:
    (delivery,) = queued()
    two_providers["first"].script = [failure]

    dispatch.dispatch_due(DEFAULT)

    row = Delivery.objects.get(id=delivery)
    assert (row.state, row.provider, row.lease) == (State.SENT, "second", None)
    assert tries(delivery) == [("first", failure), ("second", OutcomeKind.ACCEPTED)]
    assert (len(two_providers["first"].taken), len(two_providers["second"].taken)) == (0, 1)


def test_a_lost_answer_is_never_another_providers(two_providers: Two, queued: Queued) -> None:
    (delivery,) = queued()
    two_providers["first"].script = [UNKNOWN, TRANSIENT]

    dispatch.dispatch_due(DEFAULT)
    for _ in range(2):
        due_now()
        dispatch.dispatch_due(DEFAULT)

    assert [provider for provider, _ in tries(delivery)] == ["first"] * 3
    assert two_providers["second"].taken == []


def test_where_all_fail_it_waits_and_begins_again_with_the_first(
    two_providers: Two, queued: Queued
) -> None:
    (delivery,) = queued()
    two_providers["first"].script = [TRANSIENT]
    two_providers["second"].script = [TRANSIENT]

    dispatch.dispatch_due(DEFAULT)
    assert (Delivery.objects.get().state, Delivery.objects.get().lease) == (State.QUEUED, None)
    assert dispatch.dispatch_due(DEFAULT) == 0

    due_now()
    dispatch.dispatch_due(DEFAULT)
    assert [provider for provider, _ in tries(delivery)] == ["first", "second", "first"]


def test_a_refusal_of_the_message_is_final_with_one_provider(
    two_providers: Two, queued: Queued
) -> None:
    (delivery,) = queued()
    two_providers["first"].script = [OutcomeKind.REFUSED_MESSAGE]

    dispatch.dispatch_due(DEFAULT)

    assert Delivery.objects.get().reason == Reason.PROVIDER_REJECTED
    assert len(tries(delivery)) == 1


def test_a_provider_that_fails_half_of_its_messages_is_left_alone(
    two_providers: Two, queued: Queued
) -> None:
    deliveries = queued(60)
    two_providers["first"].script = [TRANSIENT] * 100

    dispatch.dispatch_due(DEFAULT)

    assert Delivery.objects.filter(state=State.SENT, provider="second").count() == 60
    assert Attempt.objects.filter(provider="first").count() == 20
    assert "20 of 20 tries failed" in Breaker.objects.get().reason
    assert len(deliveries) == 60


def test_while_the_only_provider_is_broken_nothing_is_tried_and_nothing_lost(
    provider: Ledger, queued: Queued
) -> None:
    queued(40)
    provider.script = [TRANSIENT] * 100

    dispatch.dispatch_due(DEFAULT)

    assert Attempt.objects.count() == 20
    waiting = Delivery.objects.filter(state=State.QUEUED, lease=None)
    assert (waiting.count(), waiting.filter(attempts=0).count()) == (40, 20)


def test_when_the_probe_is_due_one_message_is_tried_and_the_rest_follow_its_success(
    provider: Ledger, queued: Queued
) -> None:
    queued(40)
    provider.script = [TRANSIENT] * 20
    dispatch.dispatch_due(DEFAULT)
    provider.script = [TRANSIENT]
    probe_is_due()
    dispatch.dispatch_due(DEFAULT)
    assert (Attempt.objects.count(), provider.taken) == (21, [])
    assert not Delivery.objects.filter(attempts=2).exists()  # a failed probe costs no try

    probe_is_due()
    dispatch.dispatch_due(DEFAULT)
    due_now()
    dispatch.dispatch_due(DEFAULT)

    assert Delivery.objects.filter(state=State.SENT).count() == 40
    assert len(provider.taken) == 40


def test_a_drill_fails_every_call_without_making_one(two_providers: Two, queued: Queued) -> None:
    queued(3)
    row = Breaker.objects.create(provider="first", channel=1)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE delivery_breaker SET drill_until = clock_timestamp() + interval '60 s'"
            " WHERE id = %s",
            [row.pk],
        )
    health.forget()

    dispatch.dispatch_due(DEFAULT)

    assert (two_providers["first"].taken, len(two_providers["second"].taken)) == ([], 3)
    assert set(Attempt.objects.filter(provider="first").values_list("code", flat=True)) == {"drill"}


def test_a_provider_that_takes_its_time_holds_up_no_other(
    two_providers: Two, queued: Queued, settings: Any
) -> None:
    """The first is still at its message when the second has long sent its own."""
    settings.DELIVERY_ROUTES = {"email": ["first"], "sms": ["second"]}
    settings.DELIVERY_PROVIDERS["second"]["CHANNELS"] = ["sms"]
    queued(1)
    queued(20, channel=2)
    sms_while_the_mail_was_under_way: list[int] = []

    def slow(_: Any) -> OutcomeKind:
        while len(two_providers["second"].taken) < 20:
            pass
        sms_while_the_mail_was_under_way.append(len(two_providers["second"].taken))
        return OutcomeKind.ACCEPTED

    two_providers["first"].script = [slow]
    dispatch.dispatch_due(DEFAULT)

    assert sms_while_the_mail_was_under_way == [20]
    assert Delivery.objects.filter(state=State.SENT).count() == 21


@pytest.mark.usefixtures("patient_throttle")
def test_beyond_its_throttle_a_provider_is_given_nothing_and_nobody_loses_a_try(
    provider: Ledger, queued: Queued, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DELIVERY_PROVIDERS["scripted"]["THROTTLE"] = {
        "per_second": 0.001,
        "burst": 3,
        "account": f"account-{uuid4()}",
    }
    monkeypatch.setattr(dispatcher, "BATCH_SECONDS", 0.0)
    queued(10)

    dispatch.dispatch_due(DEFAULT)

    assert len(provider.taken) == 3
    waiting = Delivery.objects.filter(state=State.QUEUED, lease=None, attempts=0)
    assert waiting.count() == 7


def test_a_throttle_that_cannot_be_read_stops_only_its_own_provider(
    two_providers: Two, queued: Queued, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DELIVERY_PROVIDERS["first"]["THROTTLE"] = {"per_second": "many"}
    settings.DELIVERY_PROVIDERS["second"]["CHANNELS"] = ["sms"]
    settings.DELIVERY_ROUTES = {"email": ["first"], "sms": ["second"]}
    monkeypatch.setattr(dispatcher, "BATCH_SECONDS", 0.0)
    queued(2)
    queued(2, channel=2)

    dispatch.dispatch_due(DEFAULT)

    assert (len(two_providers["first"].taken), len(two_providers["second"].taken)) == (0, 2)


@pytest.mark.parametrize(("unknowns", "together"), [(0, 50), (1, 12), (2, 3), (3, 1), (4, 1)])
def test_rows_that_crashed_us_fly_in_ever_smaller_flights(
    provider: Ledger, queued: Queued, settings: Any, unknowns: int, together: int
) -> None:
    """So that whoever did it is alone before it is given up."""
    settings.DELIVERY_PROVIDERS = {
        "scripted": {**settings.DELIVERY_PROVIDERS["scripted"], "OPTIONS": {"flight": 50}}
    }
    queued(60)
    Delivery.objects.update(unknowns=unknowns)
    waiting = deque(Claimed(row, uuid4()) for row in queue.claim(DEFAULT, token=uuid4()))

    assert len(cut(waiting, alias="scripted")) == together
    assert len(waiting) == 60 - together


def test_suspects_do_not_fly_with_the_innocent(provider: Ledger, queued: Queued) -> None:
    suspect, *_ = queued(5)
    Delivery.objects.filter(id=suspect).update(unknowns=1)
    claimed = [Claimed(row, uuid4()) for row in queue.claim(DEFAULT, token=uuid4())]

    waiting = deque(in_order(claimed))
    assert suspect not in {one.row.id for one in cut(waiting, alias="scripted")}
    assert [one.row.id for one in waiting] == [suspect]
