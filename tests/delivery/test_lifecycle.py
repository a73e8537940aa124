"""States, moves, and news that comes late, twice and in the wrong order."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery import lifecycle
from delivery.lifecycle import (
    MOVES,
    NEWS,
    RANK,
    EventKind,
    Reason,
    Standing,
    State,
    fold,
    is_final,
    is_open,
    join,
    settle,
    settle_late,
    sources,
)

SENT_AROUND = (
    EventKind.SENT,
    EventKind.DEFERRED,
    EventKind.DELIVERED,
    EventKind.OPENED,
    EventKind.HARD_BOUNCE,
    EventKind.COMPLAINT,
)
OUR_ENDS = (State.CANCELLED, State.EXPIRED, State.FAILED, State.DEAD, State.UNCERTAIN)
SETTLES = tuple(MOVES[State.SENDING])
STANDINGS = [Standing(state, reason) for state in State for reason in (None, *Reason)]
BY_PROVIDERS = st.lists(st.sampled_from(EventKind), max_size=8)


def folded(state: State, events) -> State:
    for event in events:
        state = fold(state, event)
    return state


def standing_after(steps, settled: Standing) -> Standing:
    """Fold news into a row that is being sent; None among the steps is our own settle."""
    row = Standing(State.SENDING)
    for step in steps:
        if step is None:
            row = settle(row, settled)
        elif step in NEWS:
            row = join(row, NEWS[step])
    return row


def test_the_numbers_that_stand_in_the_database_are_these():
    assert {state.name: state.value for state in State} == {
        "QUEUED": 1,
        "SENDING": 2,
        "SENT": 3,
        "DELIVERED": 4,
        "FAILED": 10,
        "BOUNCED": 11,
        "COMPLAINED": 12,
        "EXPIRED": 13,
        "CANCELLED": 14,
        "DEAD": 15,
        "UNCERTAIN": 20,
    }
    assert [reason.value for reason in Reason] == list(range(1, 34))


def test_every_state_has_a_rank_of_its_own_and_a_row_of_moves():
    assert set(RANK) == set(MOVES) == set(State)
    assert len(set(RANK.values())) == len(State)


def test_every_order_of_a_messages_news_ends_as_a_complaint():
    orders = list(itertools.permutations(SENT_AROUND))
    assert len(orders) == 720
    assert {folded(State.SENT, order) for order in orders} == {State.COMPLAINED}


@pytest.mark.parametrize("size", range(1, 7))
def test_every_order_of_every_part_of_the_news_gives_one_end(size):
    for part in itertools.combinations(SENT_AROUND, size):
        ends = {
            folded(start, order)
            for start in (State.SENDING, State.SENT)
            for order in itertools.permutations(part)
            if start is State.SENT or set(part) - {EventKind.OPENED}
        }
        assert len(ends) == 1, part


@pytest.mark.parametrize("settled", SETTLES)
def test_our_own_settle_may_come_at_any_place_among_the_news(settled):
    own = Standing(settled, Reason.OUTCOME_UNKNOWN if settled is State.UNCERTAIN else None)
    orders = itertools.permutations((None, *SENT_AROUND))
    assert {standing_after(order, own) for order in orders} == {Standing(State.COMPLAINED)}


@given(events=BY_PROVIDERS, settled=st.sampled_from(SETTLES), data=st.data())
def test_shuffled_and_repeated_news_mixed_with_the_settle_ends_the_same(events, settled, data):
    steps = [None, *events]
    again = data.draw(st.lists(st.sampled_from(events), max_size=4)) if events else []
    shuffled = data.draw(st.permutations([*steps, *again]))
    own = Standing(settled)
    assert standing_after(shuffled, own) == standing_after(steps, own)


@given(start=st.sampled_from(State), events=BY_PROVIDERS, data=st.data())
def test_news_folds_to_the_same_end_from_any_state(start, events, data):
    shuffled = data.draw(st.permutations(events + events))
    assert folded(start, shuffled) == folded(start, events)


def test_joining_is_commutative_and_idempotent():
    for one, other in itertools.product(STANDINGS, repeat=2):
        assert join(one, other) == join(other, one)
        assert join(one, join(one, other)) == join(one, other)


@given(*[st.sampled_from(STANDINGS)] * 3)
def test_joining_is_associative(one, two, three):
    assert join(join(one, two), three) == join(one, join(two, three))


def test_news_never_lowers_a_rank():
    for state, event in itertools.product(State, EventKind):
        assert RANK[fold(state, event)] >= RANK[state]


@pytest.mark.parametrize("state", [*OUR_ENDS, State.QUEUED, State.SENDING, State.SENT])
def test_what_a_provider_delivered_is_delivered_whatever_we_had_called_it(state):
    assert fold(state, EventKind.DELIVERED) is State.DELIVERED


@pytest.mark.parametrize("event", [EventKind.SENT, EventKind.DEFERRED])
@pytest.mark.parametrize(
    "state", [State.CANCELLED, State.EXPIRED, State.DEAD, State.UNCERTAIN, State.QUEUED]
)
def test_a_row_we_gave_up_or_mean_to_resend_is_sent_once_the_provider_says_it_took_it(state, event):
    assert fold(state, event) is State.SENT


def test_a_refusal_outlasts_an_acceptance_in_either_order():
    assert folded(State.SENDING, [EventKind.SENT, EventKind.REJECTED]) is State.FAILED
    assert folded(State.SENDING, [EventKind.REJECTED, EventKind.SENT]) is State.FAILED


@pytest.mark.parametrize("bounce", [EventKind.SOFT_BOUNCE, EventKind.HARD_BOUNCE])
def test_mail_that_comes_back_after_delivery_is_bounced(bounce):
    assert fold(State.DELIVERED, bounce) is State.BOUNCED
    assert fold(State.BOUNCED, EventKind.DELIVERED) is State.BOUNCED


@pytest.mark.parametrize("event", EventKind)
def test_nothing_moves_a_complaint(event):
    assert fold(State.COMPLAINED, event) is State.COMPLAINED


@pytest.mark.parametrize("event", [kind for kind in EventKind if kind >= EventKind.OPENED])
@pytest.mark.parametrize("state", State)
def test_engagement_never_moves_a_state(state, event):
    assert fold(state, event) is state


def test_a_hard_bounce_leaves_its_reason_whichever_bounce_comes_first():
    soft, hard = NEWS[EventKind.SOFT_BOUNCE], NEWS[EventKind.HARD_BOUNCE]
    assert join(soft, hard) == join(hard, soft) == Standing(State.BOUNCED, Reason.ADDRESS_DEAD)


def test_news_takes_our_doubt_away_with_the_reason():
    doubt = Standing(State.UNCERTAIN, Reason.OUTCOME_UNKNOWN)
    assert join(doubt, NEWS[EventKind.SENT]) == Standing(State.SENT)


def test_only_a_hard_bounce_a_complaint_and_an_opt_out_suppress_the_address():
    assert {
        EventKind.HARD_BOUNCE,
        EventKind.COMPLAINT,
        EventKind.OPTED_OUT,
    } == lifecycle.SUPPRESSING


def test_a_retry_does_not_bring_back_what_news_already_settled():
    for state in (State.SENT, State.DELIVERED, State.BOUNCED, State.COMPLAINED):
        assert settle(Standing(state), Standing(State.QUEUED)) == Standing(state)


def test_the_worker_that_holds_the_lease_moves_a_row_in_sending_anywhere_legal():
    for state in MOVES[State.SENDING]:
        assert settle(Standing(State.SENDING), Standing(state)) == Standing(state)


@pytest.mark.parametrize("own", [State.QUEUED, State.UNCERTAIN, State.DEAD, State.EXPIRED])
@pytest.mark.parametrize("state", State)
def test_a_worker_that_lost_its_lease_decides_nothing(state, own):
    assert settle_late(Standing(state), Standing(own)) == Standing(state)


def test_a_worker_that_lost_its_lease_still_tells_what_the_provider_said():
    assert settle_late(Standing(State.UNCERTAIN), Standing(State.SENT)) == Standing(State.SENT)
    assert settle_late(Standing(State.QUEUED), Standing(State.FAILED)) == Standing(State.FAILED)
    assert settle_late(Standing(State.SENDING), Standing(State.SENT)) == Standing(State.SENT)


def test_open_out_and_final_share_the_states_out():
    assert {state for state in State if is_open(state)} == {State.QUEUED, State.SENDING}
    assert {state for state in State if is_final(state)} == {
        State.DELIVERED,
        State.FAILED,
        State.BOUNCED,
        State.COMPLAINED,
        State.EXPIRED,
        State.CANCELLED,
        State.DEAD,
    }


def test_only_what_waits_is_marked_and_only_what_is_marked_is_handed_over():
    assert sources(State.SENDING) == {State.QUEUED}
    assert sources(State.SENT) == sources(State.DELIVERED) == {State.SENDING}
    assert {State.QUEUED} == lifecycle.CANCELLABLE


def test_what_goes_back_to_the_queue_is_a_retry_a_replay_or_a_doubt():
    assert sources(State.QUEUED) == {State.SENDING, State.DEAD, State.UNCERTAIN}
    assert sources(State.QUEUED) - {State.SENDING} == lifecycle.REPLAYABLE


def test_bounces_and_complaints_come_by_news_alone():
    assert sources(State.BOUNCED) == sources(State.COMPLAINED) == frozenset()
