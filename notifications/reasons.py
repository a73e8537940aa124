"""Codes in plain words: one table for the timeline, the admin and people's own pages."""

from collections.abc import Mapping

from delivery.lifecycle import EventKind, OutcomeKind, Reason, State

# Each completes "… because …".
REASONS: Mapping[Reason, str] = {
    Reason.INACTIVE_TYPE: "this type of notification is switched off",
    Reason.NO_TEMPLATE: "nothing is published for this channel, nor for every channel",
    Reason.EXPIRED: "it was no longer worth sending by then",
    Reason.ERASED: "the person was erased",
    Reason.PAUSED: "the person has paused notifications",
    Reason.SNOOZED: "the person has snoozed this category",
    Reason.OPTED_OUT_CATEGORY: "the person switched this category off",
    Reason.OPTED_OUT_CHANNEL: "the person switched this channel off",
    Reason.NO_CONSENT: "the person has not agreed to marketing",
    Reason.NOT_SUBSCRIBED: "the person is not subscribed to the topic, or the category does"
    " not use this channel unless they ask for it",
    Reason.NO_ADDRESS: "no address of the person is known for this channel",
    Reason.SUPPRESSED: "the address must not be used any more",
    Reason.CONDITION_FALSE: "the condition of the step did not hold",
    Reason.ALREADY_SEEN: "the person has seen it already",
    Reason.CAPPED: "the person has had as many messages as the cap allows",
    Reason.QUIET_HOURS: "the person has quiet hours",
    Reason.DIGEST: "the person takes this category as a digest",
    Reason.BATCHED: "it was put together with others of its kind",
    Reason.NO_PROVIDER: "no provider is configured for this channel",
    Reason.NOT_ON_GUEST_LIST: "a team key reaches only people on the service's guest list",
    Reason.EXCLUDED: "the request asked for other channels",
    Reason.HELD_OUT: "the person is in the group that gets nothing, for comparison",
    Reason.REPEATED: "the same was said a moment ago",
    Reason.CANCELLED: "it was cancelled",
    Reason.TOO_LARGE: "the message is too large for this channel",
    Reason.RENDER_FAILED: "the template could not be filled in",
    Reason.PROVIDER_REJECTED: "the provider refused the message",
    Reason.ADDRESS_DEAD: "the address does not exist any more",
    Reason.RETRIES_EXHAUSTED: "every retry failed",
    Reason.NO_RECEIPT: "the provider's answer was lost and no receipt came, so it may have arrived",
    Reason.OUTCOME_UNKNOWN: "the provider's answer was lost, so it may have arrived",
    Reason.ENDPOINT_DISABLED: "the callback endpoint is disabled",
    Reason.ATTACHMENT_GONE: "a file that was to go with it had been deleted",
}

# Whose word a decision was; each completes "decided by …".
SOURCES: Mapping[str, str] = {
    "stop": "the person's STOP",
    "consent": "the person's consent",
    "mandatory": "the category, which is mandatory",
    "choice_category_channel": "the person's choice for this category and channel",
    "choice_channel": "the person's choice for this channel",
    "choice_category": "the person's choice for this category",
    "default": "the default of the category",
    "type": "the notification type",
    "service": "the sending service",
    "request": "the request",
    "template": "the templates",
    "route": "the routes of the channel",
    "person": "the person's settings",
    "recipient": "what the person did",
    "subscription": "who is subscribed to the topic",
    "category": "the category",
    "channel": "the channel",
    "suppression": "the suppression list",
    "step": "the step of the type",
}

STATES: Mapping[State, str] = {
    State.QUEUED: "waits to be sent",
    State.SENDING: "is being sent",
    State.SENT: "was handed over to the provider",
    State.DELIVERED: "arrived",
    State.FAILED: "failed",
    State.BOUNCED: "came back",
    State.COMPLAINED: "was reported as spam",
    State.EXPIRED: "expired",
    State.CANCELLED: "was cancelled",
    State.DEAD: "was given up",
    State.UNCERTAIN: "may have been sent",
}

OUTCOMES: Mapping[OutcomeKind, str] = {
    OutcomeKind.ACCEPTED: "accepted",
    OutcomeKind.DELIVERED: "delivered",
    OutcomeKind.TRANSIENT: "failed for now",
    OutcomeKind.REFUSED_ADDRESS: "refused, the address is dead",
    OutcomeKind.REFUSED_MESSAGE: "refused",
    OutcomeKind.ACCOUNT: "refused, our account with the provider has a problem",
    OutcomeKind.UNKNOWN: "the answer was lost",
    OutcomeKind.OPTED_OUT: "refused, the person opted out",
}

# Codes of tries that are our own words, not a provider's, each as a sentence.
ANSWER_LOST = "answer_lost"
CODES: Mapping[str, str] = {
    ANSWER_LOST: "The process that was sending it ended before it could say what came of it.",
    "deadline": "It took longer than this provider may take.",
    "drill": "An operator is rehearsing that this provider fails.",
    "misconfigured": "The provider cannot be built as it is configured.",
    "no_outcome": "The provider said nothing about it.",
    "no_turn": "Its turn had not come when time was up; it was not sent.",
    "no_sender": "No sender is configured for the country of this number.",
    "not_sealed": "It could not be made ready, and was not handed over.",
}
# So many processes that ended over one message are no accident any more.
POISON = 3

EVENTS: Mapping[EventKind, str] = {
    EventKind.SENT: "took it",
    EventKind.DEFERRED: "is still trying",
    EventKind.DELIVERED: "delivered it",
    EventKind.SOFT_BOUNCE: "gave up: it came back",
    EventKind.HARD_BOUNCE: "says the address does not exist",
    EventKind.COMPLAINT: "says the person reported it as spam",
    EventKind.REJECTED: "dropped it",
    EventKind.OPTED_OUT: "dropped it, because the person opted out",
    EventKind.OPENED: "saw it opened",
    EventKind.CLICKED: "saw a link followed",
    EventKind.SEEN: "saw it seen",
    EventKind.READ: "saw it read",
    EventKind.ARCHIVED: "saw it archived",
    EventKind.CONVERTED: "counted it as a success",
    EventKind.UNSUBSCRIBED: "says the person unsubscribed",
    EventKind.ACTED: "was told that an action is done",
}

# What people and machines did for the first time, by the column of it.
FIRST_TIMES: Mapping[str, str] = {
    "opened_at": "opened by the person.",
    "clicked_at": "the person followed a link.",
    "seen_at": "seen by the person.",
    "read_at": "read by the person.",
    "archived_at": "archived by the person.",
    "converted_at": "it had the effect that was hoped for.",
    "machine_opened_at": "opened by a machine, such as a mail scanner.",
    "machine_clicked_at": "a machine, such as a mail scanner, followed a link.",
}

# Acts of the audit trail: the kind of entry it makes, and what was done.
ACTS: Mapping[str, tuple[str, str]] = {
    "notification.cancelled": ("cancelled", "Cancelled on request."),
    "audience.cancelled": ("cancelled", "Cancelled on request, with its whole audience."),
    "delivery.replayed": ("replayed", "asked to be sent again."),
}


def because(reason: Reason | None) -> str:
    """`, because …`, or nothing where there is no reason to give."""
    return f", because {REASONS[reason]}" if reason else ""


def poison(lost: int) -> str:
    """What it means that a message lost so many answers with the process that waited for them;
    empty for a few."""
    if lost < POISON:
        return ""
    return f"The process that was sending it ended {lost} times: look for why before sending again."
