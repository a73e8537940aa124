"""What can become of a delivery: its states, the moves between them, and news folded by rank."""

import enum


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


class EventKind(enum.IntEnum):
    """News about a delivery from outside: a provider's report, or something the person did."""

    SENT = 1
    DEFERRED = 2
    DELIVERED = 3
    SOFT_BOUNCE = 4
    HARD_BOUNCE = 5
    COMPLAINT = 6
    REJECTED = 7
    OPENED = 10
    CLICKED = 11
    SEEN = 12
    READ = 13
    ARCHIVED = 14
    CONVERTED = 15
    UNSUBSCRIBED = 16


class OutcomeKind(enum.IntEnum):
    """What one hand-over to a provider came to."""

    ACCEPTED = 1
    DELIVERED = 2  # accepted and already at the person, as in-app is
    TRANSIENT = 3
    REFUSED_ADDRESS = 4
    REFUSED_MESSAGE = 5
    ACCOUNT = 6
    UNKNOWN = 7


class Uncertain(enum.IntEnum):
    """A type's policy for a message whose answer was lost."""

    RESEND = 1
    WAIT = 2
    STOP = 3
