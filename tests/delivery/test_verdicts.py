"""What becomes of a delivery after each outcome of a try."""

import dataclasses
import itertools

import pytest

from delivery import backoff
from delivery.lifecycle import MOVES, OutcomeKind, Reason, State, Uncertain
from delivery.verdicts import (
    LEAST_TRIES,
    MOST_UNKNOWN,
    NEWS_HORIZON,
    Tried,
    Verdict,
    after,
    may_fail_over,
    onward,
    withdrawn,
)

FIRST = Tried(
    attempts=1,
    unknowns=0,
    age=0.0,
    profile=backoff.DEFAULT,
    uncertain=Uncertain.RESEND,
    luck=0.5,
)
DEAD = Verdict(state=State.DEAD, reason=Reason.RETRIES_EXHAUSTED)
EXPIRED = Verdict(state=State.EXPIRED, reason=Reason.EXPIRED)
DOUBT = Verdict(state=State.UNCERTAIN, reason=Reason.OUTCOME_UNKNOWN)


def tried(**changes) -> Tried:
    return dataclasses.replace(FIRST, **changes)


def every_try():
    axes = {
        "attempts": (1, 3, 4, 100),
        "unknowns": (1, 5),
        "age": (0.0, 1e9),
        "profile": (backoff.CRITICAL, backoff.DEFAULT, backoff.SMTP, backoff.WEBHOOK),
        "uncertain": tuple(Uncertain),
        "luck": (0.0, 0.999),
        "expires_in": (None, -1.0, 0.0, 20.0, 1e9),
        "retry_after": (None, 30.0, 1e9),
    }
    for values in itertools.product(*axes.values()):
        yield Tried(**dict(zip(axes, values, strict=True)))


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (OutcomeKind.ACCEPTED, Verdict(state=State.SENT)),
        (OutcomeKind.DELIVERED, Verdict(state=State.DELIVERED)),
        (
            OutcomeKind.REFUSED_ADDRESS,
            Verdict(state=State.FAILED, reason=Reason.ADDRESS_DEAD, suppress=True),
        ),
        (
            OutcomeKind.REFUSED_MESSAGE,
            Verdict(state=State.FAILED, reason=Reason.PROVIDER_REJECTED),
        ),
        (
            OutcomeKind.OPTED_OUT,
            Verdict(state=State.FAILED, reason=Reason.SUPPRESSED, suppress=True),
        ),
    ],
)
def test_a_clear_answer_is_final_however_often_it_was_tried(outcome, verdict):
    assert after(outcome, FIRST) == verdict
    assert after(outcome, tried(attempts=99, age=1e9, expires_in=-5.0)) == verdict


def test_another_provider_is_tried_only_where_this_one_surely_did_not_take_it():
    allowed = {kind for kind in OutcomeKind if may_fail_over(kind)}
    assert allowed == {OutcomeKind.TRANSIENT, OutcomeKind.ACCOUNT}


def test_a_transient_failure_goes_back_to_the_queue_for_later():
    assert after(OutcomeKind.TRANSIENT, FIRST) == Verdict(state=State.QUEUED, retry_in=4.5)
    assert after(OutcomeKind.TRANSIENT, tried(attempts=3)).retry_in == 12
    assert after(OutcomeKind.TRANSIENT, tried(retry_after=90.0)).retry_in == 90


def test_a_retry_that_would_come_past_the_horizon_is_a_dead_letter():
    late = tried(attempts=3, age=86_400 - 12.0)
    assert after(OutcomeKind.TRANSIENT, late) == DEAD
    assert after(OutcomeKind.TRANSIENT, tried(attempts=3, age=86_400 - 12.5)).retry_in == 12


def test_age_alone_kills_nothing_that_had_no_fair_number_of_tries():
    for attempts in range(1, LEAST_TRIES):
        verdict = after(OutcomeKind.TRANSIENT, tried(attempts=attempts, age=1e9))
        assert verdict.state is State.QUEUED


def test_a_retry_that_would_come_at_its_expiry_or_later_is_expired_at_once():
    assert after(OutcomeKind.TRANSIENT, tried(expires_in=4.5)) == EXPIRED
    assert after(OutcomeKind.TRANSIENT, tried(expires_in=4.6)).state is State.QUEUED


def test_a_one_time_code_is_retried_three_times_and_no_more():
    states = [
        after(OutcomeKind.TRANSIENT, tried(attempts=n, profile=backoff.CRITICAL)).state
        for n in (1, 2, 3, 4)
    ]
    assert states == [State.QUEUED, State.QUEUED, State.QUEUED, State.DEAD]


def test_an_account_refused_costs_the_person_no_try_however_long_it_lasts():
    for attempts, age in itertools.product((1, 4, 1000), (0.0, 1e9)):
        verdict = after(OutcomeKind.ACCOUNT, tried(attempts=attempts, age=age))
        assert verdict == Verdict(state=State.QUEUED, retry_in=45, refund=True)


def test_an_account_refused_past_the_expiry_ends_as_expired():
    assert after(OutcomeKind.ACCOUNT, tried(expires_in=40.0)).state is State.EXPIRED


def test_an_answer_lost_is_resent_soon_where_nobody_will_tell_of_it():
    verdict = after(OutcomeKind.UNKNOWN, tried(unknowns=1))
    assert verdict == Verdict(state=State.QUEUED, retry_in=4.5)


def test_an_answer_lost_is_resent_after_a_minute_where_a_report_may_come():
    verdict = after(OutcomeKind.UNKNOWN, tried(unknowns=1, reports=True))
    assert verdict == Verdict(state=State.QUEUED, retry_in=90)


@pytest.mark.parametrize("policy", list(Uncertain))
def test_what_the_provider_would_fold_is_repeated_whatever_the_policy(policy):
    lost = tried(unknowns=1, uncertain=policy, folds=True, reports=True)
    assert after(OutcomeKind.UNKNOWN, lost) == Verdict(state=State.QUEUED, retry_in=4.5)


def test_each_provider_of_a_route_has_its_tries():
    tries = {n: tried(attempts=n, providers=2, profile=backoff.CRITICAL) for n in range(1, 9)}
    states = [after(OutcomeKind.TRANSIENT, tries[n]).state for n in tries]
    assert states == [State.QUEUED] * 6 + [State.DEAD] * 2


def test_a_failed_probe_costs_the_person_no_try():
    verdict = after(OutcomeKind.TRANSIENT, tried(attempts=9, profile=backoff.CRITICAL, probe=True))
    assert (verdict.state, verdict.refund) == (State.QUEUED, True)


def test_one_that_is_handed_on_keeps_its_lease_and_is_due_when_that_ends():
    verdict = onward(OutcomeKind.TRANSIENT, within=30)
    assert verdict == Verdict(state=State.QUEUED, retry_in=30, keep=True)
    assert onward(OutcomeKind.ACCOUNT, within=30).refund


def test_an_answer_lost_is_awaited_where_the_policy_waits():
    verdict = after(OutcomeKind.UNKNOWN, tried(unknowns=1, uncertain=Uncertain.WAIT))
    assert verdict == dataclasses.replace(DOUBT, retry_in=NEWS_HORIZON)


def test_an_answer_lost_stays_visible_where_the_policy_stops():
    assert after(OutcomeKind.UNKNOWN, tried(unknowns=1, uncertain=Uncertain.STOP)) == DOUBT


def test_a_lost_answer_is_not_repeated_past_its_expiry_and_not_called_expired():
    verdict = after(OutcomeKind.UNKNOWN, tried(unknowns=1, expires_in=2.0))
    assert verdict == dataclasses.replace(DOUBT, retry_in=NEWS_HORIZON)


def test_a_row_that_keeps_losing_its_answer_stops_as_a_dead_letter_in_doubt():
    assert after(OutcomeKind.UNKNOWN, tried(unknowns=MOST_UNKNOWN - 1)).state is State.QUEUED
    dead = Verdict(state=State.DEAD, reason=Reason.OUTCOME_UNKNOWN)
    assert after(OutcomeKind.UNKNOWN, tried(unknowns=MOST_UNKNOWN)) == dead


def test_every_verdict_is_a_legal_move_and_only_waiting_rows_fall_due_again():
    for outcome, facts in itertools.product(OutcomeKind, every_try()):
        verdict = after(outcome, facts)
        assert verdict.state in MOVES[State.SENDING]
        assert verdict.state is not State.QUEUED or verdict.retry_in is not None
        assert verdict.retry_in is None or verdict.state in (State.QUEUED, State.UNCERTAIN)


def test_nothing_is_queued_again_for_a_time_at_or_past_its_expiry():
    for outcome, facts in itertools.product(OutcomeKind, every_try()):
        verdict = after(outcome, facts)
        if verdict.state is State.QUEUED and facts.expires_in is not None:
            assert verdict.retry_in < facts.expires_in


def test_an_unknown_outcome_is_resent_by_no_policy_but_resend():
    for facts in every_try():
        if facts.uncertain is not Uncertain.RESEND:
            assert after(OutcomeKind.UNKNOWN, facts).state is State.UNCERTAIN


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        (Reason.EXPIRED, State.EXPIRED),
        (Reason.RENDER_FAILED, State.FAILED),
        (Reason.TOO_LARGE, State.FAILED),
        (Reason.OPTED_OUT_CATEGORY, State.CANCELLED),
        (Reason.ALREADY_SEEN, State.CANCELLED),
        (Reason.ERASED, State.CANCELLED),
    ],
)
def test_the_last_look_ends_a_message_by_its_reason(reason, state):
    assert withdrawn(reason) == Verdict(state=state, reason=reason)
