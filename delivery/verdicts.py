"""What becomes of a delivery after one try with a provider."""

from collections.abc import Mapping
from dataclasses import dataclass

from delivery import backoff
from delivery.lifecycle import OutcomeKind, Reason, State, Uncertain

# Age alone ends nothing before this many real tries: a row may have waited out an outage of ours.
LEAST_TRIES = 3
# A row that keeps losing its answer, or the process that sends it, stops here.
MOST_UNKNOWN = 5
# How long receipts may be late, in seconds: a row that waits for one is `uncertain` until then.
NEWS_HORIZON = 3 * backoff.DAY

_FAILOVER = frozenset({OutcomeKind.TRANSIENT, OutcomeKind.ACCOUNT})
_BROKEN = frozenset(
    {
        Reason.NO_TEMPLATE,
        Reason.TOO_LARGE,
        Reason.RENDER_FAILED,
        Reason.NO_PROVIDER,
        Reason.ATTACHMENT_GONE,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What is known of a delivery when an outcome comes in; times in seconds.

    `attempts` counts this one and leaves out those given back. `unknowns` says how many of them
    lost their answer, this one included. `age` runs since the delivery first fell due, `expires_in`
    is None where it never expires, `luck` is drawn from [0, 1). `providers` could be tried in turn.
    `folds`: the provider would fold a copy. `reports`: it tells later what became of a message.
    `probe`: the provider was known to be bad.
    """

    attempts: int
    unknowns: int
    age: float
    profile: backoff.Profile
    uncertain: Uncertain
    luck: float
    expires_in: float | None = None
    retry_after: float | None = None
    providers: int = 1
    folds: bool = False
    reports: bool = False
    probe: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What becomes of a delivery after a try.

    `retry_in`: seconds until the row falls due again, None if it does not. `suppress`: the address
    is dead, or its person opted out. `refund`: the try does not count against the person. `keep`:
    the lease goes on, because the next provider is tried at once.
    """

    state: State
    reason: Reason | None = None
    retry_in: float | None = None
    suppress: bool = False
    refund: bool = False
    keep: bool = False


_SETTLED: Mapping[OutcomeKind, Verdict] = {
    OutcomeKind.ACCEPTED: Verdict(state=State.SENT),
    OutcomeKind.DELIVERED: Verdict(state=State.DELIVERED),
    OutcomeKind.REFUSED_ADDRESS: Verdict(
        state=State.FAILED, reason=Reason.ADDRESS_DEAD, suppress=True
    ),
    OutcomeKind.REFUSED_MESSAGE: Verdict(state=State.FAILED, reason=Reason.PROVIDER_REJECTED),
    OutcomeKind.OPTED_OUT: Verdict(state=State.FAILED, reason=Reason.SUPPRESSED, suppress=True),
}

# Dead letters that may have arrived, so that a person decides about a second copy: the news that an
# `uncertain` row waited for never came, or answers were lost too often.
NEWS_OVERDUE = Verdict(state=State.DEAD, reason=Reason.NO_RECEIPT)
_LOST_TOO_OFTEN = Verdict(state=State.DEAD, reason=Reason.OUTCOME_UNKNOWN)


def may_fail_over(outcome: OutcomeKind) -> bool:
    """Whether another provider may be tried: only where this one surely did not take it."""
    return outcome in _FAILOVER


def settled(outcome: OutcomeKind) -> Verdict | None:
    """What becomes of a delivery by an outcome that leaves nothing to weigh, as nearly all do."""
    return _SETTLED.get(outcome)


def after(outcome: OutcomeKind, tried: Tried) -> Verdict:
    """What becomes of the delivery now, once no other provider is left to try."""
    if ended := settled(outcome):
        return ended
    if outcome == OutcomeKind.ACCOUNT:
        return _after_account(tried)
    if outcome == OutcomeKind.TRANSIENT:
        return _after_transient(tried)
    return _after_unknown(tried)


def withdrawn(reason: Reason) -> Verdict:
    """What a message ends as that the last look held back."""
    if reason == Reason.EXPIRED:
        return Verdict(state=State.EXPIRED, reason=reason)
    # Whoever enables it again may want to hear what it missed.
    if reason == Reason.ENDPOINT_DISABLED:
        return Verdict(state=State.DEAD, reason=reason)
    if reason in _BROKEN:
        return Verdict(state=State.FAILED, reason=reason)
    return Verdict(state=State.CANCELLED, reason=reason)


def onward(outcome: OutcomeKind, *, within: float) -> Verdict:
    """What becomes of a delivery that another provider is to take at once, in `within` seconds."""
    refund = outcome is OutcomeKind.ACCOUNT
    return Verdict(state=State.QUEUED, retry_in=within, refund=refund, keep=True)


def _after_account(tried: Tried) -> Verdict:
    pause = _pause(tried, backoff.ACCOUNT)
    if _expires_within(tried, pause):
        return Verdict(state=State.EXPIRED, reason=Reason.EXPIRED, refund=True)
    return Verdict(state=State.QUEUED, retry_in=pause, refund=True)


def _after_transient(tried: Tried) -> Verdict:
    exhausted = Verdict(state=State.DEAD, reason=Reason.RETRIES_EXHAUSTED)
    retries = tried.profile.retries
    if not tried.probe and retries is not None and _round(tried) >= retries:
        return exhausted
    pause = _pause(tried, tried.profile)
    if _expires_within(tried, pause):
        return Verdict(state=State.EXPIRED, reason=Reason.EXPIRED)
    if tried.attempts >= LEAST_TRIES and tried.age + pause >= tried.profile.horizon:
        return exhausted
    return Verdict(state=State.QUEUED, retry_in=pause, refund=tried.probe)


def _after_unknown(tried: Tried) -> Verdict:
    if tried.uncertain == Uncertain.STOP and not tried.folds:
        return Verdict(state=State.UNCERTAIN, reason=Reason.OUTCOME_UNKNOWN)
    waiting = Verdict(state=State.UNCERTAIN, reason=Reason.OUTCOME_UNKNOWN, retry_in=NEWS_HORIZON)
    if tried.uncertain == Uncertain.WAIT and not tried.folds:
        return waiting
    # A report gets its time to arrive before anything is repeated that could become a copy.
    worth_waiting = tried.reports and not tried.folds
    pause = _pause(tried, backoff.UNKNOWN if worth_waiting else tried.profile)
    # Past its expiry a message is not repeated, yet nobody may call it expired: it may be there.
    if _expires_within(tried, pause):
        return waiting
    if tried.unknowns >= _most_unknown(tried):
        return _LOST_TOO_OFTEN
    return Verdict(state=State.QUEUED, retry_in=pause)


def _most_unknown(tried: Tried) -> int:
    """Where copies are folded a lost answer costs nothing, so a schedule is kept to its end."""
    return max(MOST_UNKNOWN, len(tried.profile.schedule) + 1 if tried.folds else 0)


def _round(tried: Tried) -> int:
    """How often each provider has been tried before; the first time is round 0."""
    return max(0, tried.attempts - 1) // max(1, tried.providers)


def _pause(tried: Tried, profile: backoff.Profile) -> float:
    return backoff.delay(
        profile, retry=_round(tried), luck=tried.luck, retry_after=tried.retry_after
    )


def _expires_within(tried: Tried, seconds: float) -> bool:
    return tried.expires_in is not None and seconds >= tried.expires_in
