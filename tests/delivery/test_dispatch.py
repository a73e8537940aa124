"""Claim, mark, seal, hand over, settle: what dispatch does with due deliveries."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection

from delivery import announcements, dispatch, feedback, leases, queue
from delivery.contracts import Change, Message, Outcome, Parcel, Report, Wait, Withdraw
from delivery.dispatch import dispatcher, handover
from delivery.lifecycle import EventKind, OutcomeKind, Reason, State, Uncertain
from delivery.models import Attempt, Delivery, Suppression
from delivery.models.suppression import SuppressionReason
from delivery.queue import Settled
from delivery.verdicts import Verdict
from tests.fakes import scripted, sealing
from tests.fakes.scripted import Ledger

pytestmark = pytest.mark.django_db

DEFAULT = 2
Queued = Callable[..., list[UUID]]
StateOf = Callable[[UUID], Delivery]


def make_due(*delivery_ids: UUID) -> None:
    """Let the time these rows wait for have come."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE delivery SET due_at = clock_timestamp() - interval '1 second'"
            " WHERE id = ANY(%s::uuid[])",
            [list(delivery_ids)],
        )


def test_what_is_due_is_sent_and_recorded(
    provider: Ledger, queued: Queued, state_of: StateOf
) -> None:
    (delivery,) = queued()

    assert dispatch.dispatch_due(DEFAULT) == 1

    row = state_of(delivery)
    assert (row.state, row.reason, row.attempts, row.provider) == (State.SENT, None, 1, "scripted")
    assert (row.due_at, row.lease, row.delivered_at) == (None, None, None)
    assert row.sent_at is not None
    attempt = Attempt.objects.get()
    assert (attempt.delivery_id, attempt.number, attempt.provider) == (delivery, 1, "scripted")
    assert (attempt.outcome, attempt.provider_ref) == (OutcomeKind.ACCEPTED, "scripted-1")


def test_nothing_due_is_nothing_sent(provider: Ledger) -> None:
    assert dispatch.dispatch_due(DEFAULT) == 0
    assert provider.taken == []


def test_a_lane_leaves_the_others_alone(provider: Ledger, queued: Queued) -> None:
    queued(lane=3)

    assert dispatch.dispatch_due(DEFAULT) == 0


def test_a_second_look_sends_nothing_again(provider: Ledger, queued: Queued) -> None:
    queued(3)
    dispatch.dispatch_due(DEFAULT)

    assert dispatch.dispatch_due(DEFAULT) == 0
    assert len(provider.taken) == 3


def test_a_claimed_row_of_a_dead_worker_falls_due_by_itself_and_is_no_copy(
    provider: Ledger, queued: Queued, state_of: StateOf
) -> None:
    (delivery,) = queued()
    queue.claim(DEFAULT, token=uuid4())
    assert dispatch.dispatch_due(DEFAULT) == 0

    make_due(delivery)
    dispatch.dispatch_due(DEFAULT)

    assert (state_of(delivery).state, state_of(delivery).unknowns) == (State.SENT, 0)
    assert len(provider.taken) == 1


def test_a_marked_row_of_a_dead_worker_is_uncertain_and_resent_by_policy(
    provider: Ledger, queued: Queued, state_of: StateOf
) -> None:
    (delivery,) = queued()
    token = uuid4()
    queue.claim(DEFAULT, token=token)
    queue.mark([(delivery, token)], provider="scripted")

    make_due(delivery)
    assert dispatch.recover() == 1

    row = state_of(delivery)
    assert (row.state, row.attempts, row.unknowns) == (State.QUEUED, 1, 1)
    assert row.due_at is not None
    assert Attempt.objects.get().outcome == OutcomeKind.UNKNOWN


@pytest.mark.parametrize(
    ("policy", "waits"), [(Uncertain.STOP, False), (Uncertain.WAIT, True)], ids=["stop", "wait"]
)
def test_a_lost_answer_is_not_resent_where_the_policy_forbids(
    provider: Ledger, queued: Queued, state_of: StateOf, policy: Uncertain, waits: bool
) -> None:
    (delivery,) = queued(uncertain=policy)
    provider.script = [OutcomeKind.UNKNOWN]
    dispatch.dispatch_due(DEFAULT)

    row = state_of(delivery)
    assert (row.state, row.reason) == (State.UNCERTAIN, Reason.OUTCOME_UNKNOWN)
    assert (row.due_at is not None) is waits
    assert len(provider.taken) == 1


def test_an_uncertain_row_whose_news_never_came_is_a_dead_letter_until_it_comes(
    provider: Ledger, queued: Queued, state_of: StateOf
) -> None:
    (delivery,) = queued(uncertain=Uncertain.WAIT)
    provider.script = [OutcomeKind.UNKNOWN]
    dispatch.dispatch_due(DEFAULT)

    make_due(delivery)
    dispatch.recover()

    row = state_of(delivery)
    assert (row.state, row.reason) == (State.DEAD, Reason.NO_RECEIPT)

    feedback.report(
        "scripted",
        [Report(kind=EventKind.DELIVERED, at=datetime.now(UTC), reference=delivery)],
    )
    row = state_of(delivery)
    assert (row.state, row.reason) == (State.DELIVERED, None)


@pytest.mark.parametrize(("lane", "minutes"), [(DEFAULT, 30), (1, 0)], ids=["default", "critical"])
def test_a_patient_provider_is_asked_later_but_for_what_is_urgent(
    provider: Ledger, queued: Queued, state_of: StateOf, settings: Any, lane: int, minutes: int
) -> None:
    settings.DELIVERY_PROVIDERS = {
        "scripted": {**settings.DELIVERY_PROVIDERS["scripted"], "OPTIONS": {"patience": "smtp"}}
    }
    (delivery,) = queued(lane=lane)
    scripted.LEDGERS["scripted"].script = [OutcomeKind.TRANSIENT]
    dispatch.dispatch_due(lane)

    wait = state_of(delivery).due_at - datetime.now(UTC)
    assert (wait > timedelta(minutes=29)) is (minutes == 30)


@pytest.mark.parametrize("policy", list(Uncertain))
def test_a_provider_that_folds_repeats_is_simply_asked_again(
    provider: Ledger, queued: Queued, state_of: StateOf, settings: Any, policy: Uncertain
) -> None:
    settings.DELIVERY_PROVIDERS = {
        "scripted": {**settings.DELIVERY_PROVIDERS["scripted"], "OPTIONS": {"idempotent_for": 60}}
    }
    (delivery,) = queued(uncertain=policy)
    scripted.LEDGERS["scripted"].script = [OutcomeKind.UNKNOWN]
    dispatch.dispatch_due(DEFAULT)
    assert state_of(delivery).state == State.QUEUED

    make_due(delivery)
    dispatch.dispatch_due(DEFAULT)
    assert (state_of(delivery).state, state_of(delivery).unknowns) == (State.SENT, 1)


def test_retry_after_is_obeyed(provider: Ledger, queued: Queued, state_of: StateOf) -> None:
    (delivery,) = queued()
    provider.script, provider.retry_after = [OutcomeKind.TRANSIENT], 3600.0
    dispatch.dispatch_due(DEFAULT)

    due_at = state_of(delivery).due_at
    assert due_at is not None
    assert due_at > datetime.now(UTC) + timedelta(seconds=3500)


def test_a_dead_address_is_suppressed(provider: Ledger, queued: Queued, state_of: StateOf) -> None:
    (delivery,) = queued()
    provider.script = [OutcomeKind.REFUSED_ADDRESS]
    dispatch.dispatch_due(DEFAULT)

    assert (state_of(delivery).state, state_of(delivery).reason) == (
        State.FAILED,
        Reason.ADDRESS_DEAD,
    )
    suppression = Suppression.objects.get()
    assert (bytes(suppression.address_hash), suppression.source) == (
        b"h" * 32,
        "provider:scripted",
    )


def test_an_opt_out_that_the_provider_knows_of_is_a_stop(
    provider: Ledger, queued: Queued, state_of: StateOf
) -> None:
    (delivery,) = queued()
    Suppression.objects.create(channel=1, address_hash=b"h" * 32, reason=1, note="n")
    provider.script = [OutcomeKind.OPTED_OUT]
    dispatch.dispatch_due(DEFAULT)

    assert (state_of(delivery).state, state_of(delivery).reason) == (
        State.FAILED,
        Reason.SUPPRESSED,
    )
    kept = Suppression.objects.get()
    assert (kept.reason, kept.source, kept.note) == (
        SuppressionReason.STOP,
        "provider:scripted",
        "n",
    )


def test_an_account_error_costs_the_person_no_try(
    provider: Ledger, queued: Queued, state_of: StateOf
) -> None:
    (delivery,) = queued()
    provider.script = [OutcomeKind.ACCOUNT]
    dispatch.dispatch_due(DEFAULT)

    assert (state_of(delivery).state, state_of(delivery).attempts) == (State.QUEUED, 0)


def test_a_provider_that_breaks_half_way_leaves_the_rest_uncertain(
    provider: Ledger, queued: Queued
) -> None:
    queued(5, uncertain=Uncertain.WAIT)
    provider.script = [OutcomeKind.ACCEPTED, OutcomeKind.ACCEPTED, RuntimeError("broken")]
    dispatch.dispatch_due(DEFAULT)

    states = sorted(Delivery.objects.values_list("state", flat=True))
    assert states == [State.SENT] * 2 + [State.UNCERTAIN] * 3


def sending(counted: list[int]) -> Callable[[Message], OutcomeKind]:
    """Note how many rows a kill would make uncertain just now."""

    def answer(_: Message) -> OutcomeKind:
        counted.append(Delivery.objects.filter(state=State.SENDING).count())
        return OutcomeKind.ACCEPTED

    return answer


@pytest.mark.django_db(transaction=True)
def test_a_flight_is_all_that_one_kill_can_make_uncertain(provider: Ledger, queued: Queued) -> None:
    queued(12)
    counted: list[int] = []
    provider.script = [sending(counted)] * 12
    dispatch.dispatch_due(DEFAULT)

    assert counted == [5] * 10 + [2] * 2


@pytest.mark.django_db(transaction=True)
def test_types_that_must_not_be_copied_fly_alone(provider: Ledger, queued: Queued) -> None:
    queued(3, uncertain=Uncertain.STOP)
    counted: list[int] = []
    provider.script = [sending(counted)] * 3
    dispatch.dispatch_due(DEFAULT)

    assert counted == [1, 1, 1]


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        (Reason.OPTED_OUT_CHANNEL, State.CANCELLED),
        (Reason.EXPIRED, State.EXPIRED),
        (Reason.RENDER_FAILED, State.FAILED),
    ],
)
def test_what_the_seal_withdraws_is_not_sent(
    provider: Ledger, queued: Queued, state_of: StateOf, reason: Reason, state: State
) -> None:
    (delivery,) = queued()
    sealing.ANSWERS[delivery] = Withdraw(reason=reason)
    dispatch.dispatch_due(DEFAULT)

    assert (state_of(delivery).state, state_of(delivery).reason) == (state, reason)
    assert provider.taken == []
    assert Attempt.objects.count() == 0


def test_what_the_seal_holds_waits_and_costs_no_try(
    provider: Ledger, queued: Queued, state_of: StateOf
) -> None:
    (delivery,) = queued()
    until = datetime.now(UTC) + timedelta(hours=1)
    sealing.ANSWERS[delivery] = Wait(until=until, reason=Reason.QUIET_HOURS)
    dispatch.dispatch_due(DEFAULT)

    row = state_of(delivery)
    assert (row.state, row.reason, row.attempts) == (State.QUEUED, Reason.QUIET_HOURS, 0)
    assert row.due_at is not None
    assert abs(row.due_at - until) < timedelta(seconds=5)


def test_a_channel_without_provider_fails_and_says_so(
    provider: Ledger, queued: Queued, state_of: StateOf, settings: Any
) -> None:
    settings.DELIVERY_ROUTES = {}
    (delivery,) = queued()
    dispatch.dispatch_due(DEFAULT)

    assert (state_of(delivery).state, state_of(delivery).reason) == (
        State.FAILED,
        Reason.NO_PROVIDER,
    )


def test_a_stale_worker_writes_nothing(provider: Ledger, queued: Queued, state_of: StateOf) -> None:
    (delivery,) = queued()
    stale, fresh = uuid4(), uuid4()
    (row,) = queue.claim(DEFAULT, token=stale)
    make_due(delivery)
    queue.claim(DEFAULT, token=fresh)
    assert queue.mark([(delivery, stale)], provider="scripted") == set()

    outcome = Outcome(reference=delivery, kind=OutcomeKind.TRANSIENT)
    verdict = Verdict(state=State.DEAD, reason=Reason.RETRIES_EXHAUSTED)
    assert queue.settle([Settled(row, stale, "scripted", outcome, verdict)], lane=DEFAULT) == 0

    assert state_of(delivery).state == State.QUEUED
    assert Attempt.objects.count() == 0


def test_evidence_of_a_stale_worker_still_counts(
    provider: Ledger, queued: Queued, state_of: StateOf
) -> None:
    """It lost its lease, but the provider did take the message."""
    (delivery,) = queued(uncertain=Uncertain.STOP)
    token = uuid4()
    (row,) = queue.claim(DEFAULT, token=token)
    queue.mark([(delivery, token)], provider="scripted")
    make_due(delivery)
    dispatch.recover()
    assert state_of(delivery).state == State.UNCERTAIN

    outcome = Outcome(reference=delivery, kind=OutcomeKind.ACCEPTED, provider_ref="late")
    settled = [Settled(row, token, "scripted", outcome, Verdict(state=State.SENT))]
    queue.settle(settled, lane=DEFAULT)

    assert state_of(delivery).state == State.SENT
    assert sorted(Attempt.objects.values_list("outcome", flat=True)) == [
        OutcomeKind.ACCEPTED,
        OutcomeKind.UNKNOWN,
    ]


def test_news_that_came_before_our_own_commit_is_kept(
    provider: Ledger, queued: Queued, state_of: StateOf
) -> None:
    (delivery,) = queued()
    token = uuid4()
    (row,) = queue.claim(DEFAULT, token=token)
    queue.mark([(delivery, token)], provider="scripted")
    Delivery.objects.filter(id=delivery).update(state=State.DELIVERED)

    outcome = Outcome(reference=delivery, kind=OutcomeKind.ACCEPTED)
    settled = [Settled(row, token, "scripted", outcome, Verdict(state=State.SENT))]
    queue.settle(settled, lane=DEFAULT)

    assert announcements.consume(DEFAULT) == 1
    (change,) = sealing.OBSERVED
    assert not change.moved  # type: ignore[attr-defined]  # so that nobody counts it twice
    assert state_of(delivery).state == State.DELIVERED
    assert state_of(delivery).sent_at is not None
    assert state_of(delivery).lease is None


def test_settling_twice_is_settling_once(
    provider: Ledger, queued: Queued, state_of: StateOf
) -> None:
    (delivery,) = queued()
    token = uuid4()
    (row,) = queue.claim(DEFAULT, token=token)
    queue.mark([(delivery, token)], provider="scripted")
    outcome = Outcome(reference=delivery, kind=OutcomeKind.ACCEPTED)
    settled = [Settled(row, token, "scripted", outcome, Verdict(state=State.SENT))]

    assert [queue.settle(settled, lane=DEFAULT) for _ in range(2)] == [1, 0]
    assert Attempt.objects.count() == 1


def test_announcements_reach_observers_once(provider: Ledger, queued: Queued) -> None:
    queued(7)
    dispatch.dispatch_due(DEFAULT)

    assert announcements.consume(DEFAULT) == 7
    assert announcements.consume(DEFAULT) == 0
    assert {change.state for change in sealing.OBSERVED} == {State.SENT}  # type: ignore[attr-defined]
    assert len(sealing.OBSERVED) == 7


def test_a_failed_try_is_told_though_the_delivery_goes_on(provider: Ledger, queued: Queued) -> None:
    queued()
    provider.script = [OutcomeKind.TRANSIENT]
    dispatch.dispatch_due(DEFAULT)

    assert announcements.consume(DEFAULT) == 1
    (change,) = sealing.OBSERVED
    assert change.state == State.QUEUED  # type: ignore[attr-defined]


def test_a_wait_without_a_try_is_no_news(provider: Ledger, queued: Queued) -> None:
    (delivery,) = queued()
    sealing.ANSWERS[delivery] = Wait(until=datetime.now(UTC) + timedelta(hours=1))
    dispatch.dispatch_due(DEFAULT)

    assert announcements.consume(DEFAULT) == 0


def test_an_announcement_that_an_observer_breaks_over_keeps_none_of_the_others(
    provider: Ledger, queued: Queued, settings: Any
) -> None:
    (broken,) = queued(step=9)
    dispatch.dispatch_due(DEFAULT)
    queued(7)
    dispatch.dispatch_due(DEFAULT)
    settings.DELIVERY_OBSERVERS = [*settings.DELIVERY_OBSERVERS, f"{__name__}.break_over_nine"]

    assert announcements.consume(DEFAULT) == 7
    assert announcements.consume(DEFAULT) == 0

    settings.DELIVERY_OBSERVERS = settings.DELIVERY_OBSERVERS[:1]
    sealing.OBSERVED.clear()
    assert announcements.consume(DEFAULT) == 1
    assert [change.delivery_id for change in sealing.OBSERVED] == [broken]  # type: ignore[attr-defined]


def break_over_nine(changes: Sequence[Change]) -> None:
    """An observer that has never heard of a ninth step."""
    if any(change.step == 9 for change in changes):
        raise LookupError(9)


@pytest.mark.parametrize("count", [1, 5])
def test_a_flight_costs_a_fixed_number_of_queries(
    provider: Ledger, queued: Queued, django_assert_num_queries: Any, count: int
) -> None:
    """Claim, mark; and one for all that settles it."""
    queued(count)
    dispatch.dispatch_due(DEFAULT, limit=1)  # routes and providers are read once
    queued(count)

    with django_assert_num_queries(3):
        dispatch.dispatch_due(DEFAULT, limit=count)


@pytest.mark.django_db(transaction=True)
def test_a_flight_that_takes_long_keeps_its_lease(
    provider: Ledger, queued: Queued, state_of: StateOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider is still at it when the first lease would have run out."""
    (delivery,) = queued()
    keeper = leases.Keeper(every=0.01)
    monkeypatch.setattr(leases, "keep", keeper.keep)
    monkeypatch.setattr(leases, "let_go", keeper.let_go)

    def slow(_: Message) -> OutcomeKind:
        make_due(delivery)
        while state_of(delivery).due_at < datetime.now(UTC) + timedelta(seconds=15):
            time.sleep(0.01)
        return OutcomeKind.ACCEPTED

    provider.script = [slow]
    dispatch.dispatch_due(DEFAULT)

    assert (state_of(delivery).state, state_of(delivery).unknowns) == (State.SENT, 0)


def test_a_flight_that_comes_too_late_to_its_provider_is_not_handed_over(
    provider: Ledger, queued: Queued, state_of: StateOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine slept between the mark and the hand-over."""
    (delivery,) = queued()
    hours = iter([0.0, 7200.0])
    monkeypatch.setattr(handover, "clock", lambda: next(hours))
    dispatch.dispatch_due(DEFAULT)

    assert provider.taken == []
    row = state_of(delivery)
    assert (row.state, row.attempts, row.unknowns) == (State.QUEUED, 1, 0)  # not even uncertain


def test_what_there_was_no_time_for_is_given_back(
    provider: Ledger, queued: Queued, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow provider keeps neither idle workers from the rest, nor this one from ending."""
    queued(12)
    monkeypatch.setattr(dispatcher, "BATCH_SECONDS", 0.0)
    assert dispatch.dispatch_due(DEFAULT) == 12

    assert len(provider.taken) == 5
    assert len(queue.claim(DEFAULT, token=uuid4())) == 7


def test_a_simulated_failure_suppresses_no_address(
    provider: Ledger, queued: Queued, state_of: StateOf, settings: Any
) -> None:
    settings.DELIVERY_PROVIDERS = {
        **settings.DELIVERY_PROVIDERS,
        "sandbox": {"BACKEND": "delivery.sandbox.Sandbox", "CHANNELS": ["email"]},
    }
    (delivery,) = queued()
    parcel = Parcel(
        id=delivery,
        notification_id=delivery,
        recipient_id=1,
        address_id=1,
        channel=1,
        step=1,
        mode=1,
    )
    sealing.ANSWERS[delivery] = replace(
        sealing.message(parcel), address="permanent-fail@simulator.notifysite.test"
    )
    dispatch.dispatch_due(DEFAULT)

    assert state_of(delivery).state == State.FAILED
    assert provider.taken == []
    assert Suppression.objects.count() == 0
