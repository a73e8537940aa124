"""What can become of a delivery: its states, the moves between them, and news folded by rank."""

import enum
from collections.abc import Mapping
from typing import NamedTuple


class State(enum.IntEnum):
    """Where a delivery stands; the numbers are stored, never renumber."""

    QUEUED = 1
    SENDING = 2
    SENT = 3
    DELIVERED = 4
    FAILED = 10
    BOUNCED = 11
    COMPLAINED = 12
    EXPIRED = 13
    CANCELLED = 14
    DEAD = 15
    UNCERTAIN = 20


class Reason(enum.IntEnum):
    """Why a message was held, skipped or ended; codes may be added, never renamed."""

    INACTIVE_TYPE = 1
    NO_TEMPLATE = 2
    EXPIRED = 3
    ERASED = 4
    PAUSED = 5
    SNOOZED = 6
    OPTED_OUT_CATEGORY = 7
    OPTED_OUT_CHANNEL = 8
    NO_CONSENT = 9
    NOT_SUBSCRIBED = 10
    NO_ADDRESS = 11
    SUPPRESSED = 12
    CONDITION_FALSE = 13
    ALREADY_SEEN = 14
    CAPPED = 15
    QUIET_HOURS = 16
    DIGEST = 17
    BATCHED = 18
    NO_PROVIDER = 19
    NOT_ON_GUEST_LIST = 20
    EXCLUDED = 21
    HELD_OUT = 22
    REPEATED = 23
    CANCELLED = 24
    TOO_LARGE = 25
    RENDER_FAILED = 26
    PROVIDER_REJECTED = 27
    ADDRESS_DEAD = 28
    RETRIES_EXHAUSTED = 29
    NO_RECEIPT = 30
    OUTCOME_UNKNOWN = 31
    ENDPOINT_DISABLED = 32
    ATTACHMENT_GONE = 33


class EventKind(enum.IntEnum):
    """News about a delivery from outside: a provider's report, or something the person did."""

    SENT = 1
    DEFERRED = 2
    DELIVERED = 3
    SOFT_BOUNCE = 4
    HARD_BOUNCE = 5
    COMPLAINT = 6
    REJECTED = 7
    OPTED_OUT = 8  # dropped, because the person told the provider to stop
    OPENED = 10
    CLICKED = 11
    SEEN = 12
    READ = 13
    ARCHIVED = 14
    CONVERTED = 15
    UNSUBSCRIBED = 16
    ACTED = 17  # the person did what an action of an inbox item asks for


class OutcomeKind(enum.IntEnum):
    """What one hand-over to a provider came to."""

    ACCEPTED = 1
    DELIVERED = 2  # accepted and already at the person, as in-app is
    TRANSIENT = 3
    REFUSED_ADDRESS = 4
    REFUSED_MESSAGE = 5
    ACCOUNT = 6
    UNKNOWN = 7
    OPTED_OUT = 8  # refused, because the person told the provider to stop


class Uncertain(enum.IntEnum):
    """A type's policy for a message whose answer was lost."""

    RESEND = 1
    WAIT = 2
    STOP = 3


class Standing(NamedTuple):
    """A state and why: what a delivery row says of itself."""

    state: State
    reason: Reason | None = None


# How much each state knows of the world outside. Below SENT stands what is only our own decision;
# from SENT up stands what a provider said, and that always wins. A row we called dead, expired,
# cancelled or uncertain is `sent` once a provider says it took it, and one we called failed is
# `delivered` when it arrived after all. A refusal outlasts an acceptance (accepted, then dropped),
# a bounce outlasts a delivery (mail that came back later), a complaint outlasts everything.
RANK: Mapping[State, int] = {
    State.QUEUED: 0,
    State.SENDING: 1,
    State.UNCERTAIN: 2,
    State.CANCELLED: 3,
    State.EXPIRED: 4,
    State.DEAD: 5,
    State.SENT: 10,
    State.FAILED: 15,
    State.DELIVERED: 20,
    State.BOUNCED: 30,
    State.COMPLAINED: 40,
}

# What news makes of a delivery. A deferral is the provider still trying, so it has the message; a
# soft bounce is the provider having given up, so the message is lost but the address is not.
# Engagement is absent: it is additive, kept in its own row, and never moves a state.
NEWS: Mapping[EventKind, Standing] = {
    EventKind.SENT: Standing(State.SENT),
    EventKind.DEFERRED: Standing(State.SENT),
    EventKind.DELIVERED: Standing(State.DELIVERED),
    EventKind.SOFT_BOUNCE: Standing(State.BOUNCED),
    EventKind.HARD_BOUNCE: Standing(State.BOUNCED, Reason.ADDRESS_DEAD),
    EventKind.COMPLAINT: Standing(State.COMPLAINED),
    EventKind.REJECTED: Standing(State.FAILED, Reason.PROVIDER_REJECTED),
    EventKind.OPTED_OUT: Standing(State.FAILED, Reason.SUPPRESSED),
}

# News after which the address must not be used again.
SUPPRESSING = frozenset({EventKind.HARD_BOUNCE, EventKind.COMPLAINT, EventKind.OPTED_OUT})
# News by which the person says that they want no more of this.
STOPPING = frozenset({EventKind.UNSUBSCRIBED, EventKind.COMPLAINT})

# The moves we make ourselves; news moves any state to a higher rank. SENDING to CANCELLED or
# EXPIRED is the seal withdrawing what is marked but not handed over. DEAD and UNCERTAIN go back to
# QUEUED by replay or policy, UNCERTAIN to DEAD when the news it waited for never came.
MOVES: Mapping[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.SENDING, State.CANCELLED, State.EXPIRED, State.DEAD}),
    State.SENDING: frozenset(State) - {State.SENDING, State.BOUNCED, State.COMPLAINED},
    State.UNCERTAIN: frozenset({State.QUEUED, State.DEAD}),
    State.DEAD: frozenset({State.QUEUED}),
    State.SENT: frozenset(),
    State.DELIVERED: frozenset(),
    State.FAILED: frozenset(),
    State.BOUNCED: frozenset(),
    State.COMPLAINED: frozenset(),
    State.EXPIRED: frozenset(),
    State.CANCELLED: frozenset(),
}

# What a caller may cancel: once marked, a message may be on its way.
CANCELLABLE = frozenset({State.QUEUED})
# What a person may have sent again; an uncertain one at the risk of a second copy.
REPLAYABLE = frozenset({State.DEAD, State.UNCERTAIN})

_OPEN = frozenset({State.QUEUED, State.SENDING})
_OUT = frozenset({State.SENT, State.UNCERTAIN})
# What a settle may still say once news or another worker has moved the row: facts from outside.
EVIDENCE = frozenset({State.SENT, State.DELIVERED, State.FAILED})


def is_open(state: State) -> bool:
    """Whether the message is still ours to send.

    `sent` and `uncertain` are neither open nor final: out of our hands, with news still possible.
    """
    return state in _OPEN


def is_final(state: State) -> bool:
    """Whether nothing more is expected; late news may still raise it, and the dead be replayed."""
    return state not in _OPEN and state not in _OUT


def sources(to: State) -> frozenset[State]:
    """The states from which we may move to `to`: the guard of a conditional update."""
    return frozenset(state for state, targets in MOVES.items() if to in targets)


def join(one: Standing, other: Standing) -> Standing:
    """The one that knows more: the higher rank, then the greater reason (SQL: GREATEST).

    Commutative, associative and idempotent, so order and repetition cannot matter.
    """
    return max(one, other, key=lambda standing: (RANK[standing.state], standing.reason or 0))


def fold(state: State, event: EventKind) -> State:
    """The state after news; whatever its order, and however often it comes, the end is one."""
    news = NEWS.get(event)
    return state if news is None else join(Standing(state), news).state


def settle(row: Standing, to: Standing) -> Standing:
    """What the worker that still holds the row's lease makes of it.

    Only a row nobody moved meanwhile may go where the worker says, back to `queued` included. Past
    that, news has come first and only evidence counts.
    """
    return to if row.state == State.SENDING else settle_late(row, to)


def settle_late(row: Standing, to: Standing) -> Standing:
    """What a worker that lost its lease makes of the row: it may tell facts, not decide."""
    return join(row, to) if to.state in EVIDENCE else row
