"""The gates of a decision, in their order. Each looks at one thing and says what it saw."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from delivery import channels
from delivery.lifecycle import Reason, State, is_open
from notifications.audiences import conditions
from notifications.catalog.kinds import EXPRESSION, IF_FAILED, IF_UNSEEN, StepFacts
from notifications.planning.decision import Answer, Does, Facts, Past
from notifications.words import Priority
from preferences import calendar
from preferences.resolution import Why


class Look(NamedTuple):
    """One step on one channel, with all that is known. `usable`: the addresses it would leave for.
    There may be some and none of them usable, because nobody takes their kind (`untaken`), or they
    are all `suppressed`."""

    facts: Facts
    step: StepFacts
    channel: int
    spec: channels.ChannelSpec
    earlier: tuple[Past, ...]
    usable: tuple[int, ...]
    suppressed: bool
    untaken: bool

    @classmethod
    def of(
        cls, facts: Facts, step: StepFacts, channel: int, *, earlier: tuple[Past, ...]
    ) -> "Look":
        """Look at a step on one of the channels it may take."""
        spec = channels.by_number(channel)
        there = [one for one in facts.person.addresses if one.channel == channel]
        kinds = facts.kinds.get(channel)
        taken = there if kinds is None else [one for one in there if one.kind in kinds]
        found = [one.id for one in taken if not one.suppressed]
        usable = tuple(found if spec.every_address else found[:1])
        suppressed, untaken = bool(taken) and not found, bool(there) and not taken
        return cls(facts, step, channel, spec, earlier, usable, suppressed, untaken)

    @property
    def urgent(self) -> bool:
        return self.facts.priority is Priority.CRITICAL

    @property
    def interrupts(self) -> bool:
        if self.channel == channels.EMAIL.number:
            return self.facts.type.email_interrupts
        return self.spec.interrupts

    @property
    def ready_at(self) -> datetime:
        wait = self.step.wait
        return self.facts.start + timedelta(seconds=wait) if wait else self.facts.start


@lru_cache(maxsize=512)
def _pass(value: str, source: str) -> Answer:
    """Most answers are this one, of a few values; nobody reads them but who asks why."""
    return Answer(value=value, source=source)


def _skip(value: str, source: str, reason: Reason) -> Answer:
    return Answer(value=value, source=source, outcome=Does.SKIP, reason=reason)


def _hold(value: str, source: str, *, reason: Reason | None, until: datetime | None) -> Answer:
    return Answer(value=value, source=source, outcome=Does.HOLD, reason=reason, until=until)


def _type(look: Look) -> Answer:
    kind = look.facts.type
    if not kind.active:
        return _skip(f"{kind.key} is switched off", "type", Reason.INACTIVE_TYPE)
    if not look.facts.key_live:
        return _skip("the API key was revoked", "service", Reason.CANCELLED)
    return _pass(f"{kind.key} is active", "type")


def _requested(look: Look) -> Answer:
    only = look.facts.only_channels
    if only is not None and look.channel not in only:
        return _skip(f"asked for {', '.join(channels.keys(only))}", "request", Reason.EXCLUDED)
    return _pass("all of the type's channels" if only is None else "asked for", "request")


def _template(look: Look) -> Answer:
    if look.channel not in look.facts.type.templates:
        nothing = f"nothing published for {look.spec.key}, nor for every channel"
        return _skip(nothing, "template", Reason.NO_TEMPLATE)
    return _pass("published", "template")


def _provider(look: Look) -> Answer:
    if look.channel not in look.facts.providers:
        return _skip(f"no provider for {look.spec.key}", "route", Reason.NO_PROVIDER)
    return _pass(f"{look.spec.key} has a provider", "route")


def _expiry(look: Look) -> Answer:
    expires_at = look.facts.expires_at
    if expires_at and expires_at <= look.facts.now:
        return _skip(f"expired at {expires_at:%Y-%m-%dT%H:%M:%SZ}", "request", Reason.EXPIRED)
    return _pass(f"{expires_at:%Y-%m-%dT%H:%M:%SZ}" if expires_at else "never", "request")


def _guest(look: Look) -> Answer:
    if not look.facts.person.guest:
        return _skip("not on the service's guest list", "service", Reason.NOT_ON_GUEST_LIST)
    return _pass("may be reached with this key", "service")


def _erased(look: Look) -> Answer:
    if look.facts.person.erased:
        return _skip("erased", "person", Reason.ERASED)
    return _pass("known", "person")


def _paused(look: Look) -> Answer:
    """A pause holds what interrupts. What a person cannot switch off it cannot pause either."""
    until = look.facts.person.paused_until
    if not until or until <= look.facts.now or not look.interrupts:
        return _pass("not paused" if not until else f"paused until {until}", "person")
    if look.urgent or look.facts.type.mandatory:
        return _pass("paused, but this cannot wait", "category")
    return _hold(f"paused until {until}", "person", reason=Reason.PAUSED, until=until)


def _wishes(look: Look) -> Answer:
    wish = look.facts.person.effective[look.channel]
    if not wish.enabled:
        why = wish.reason or Why.OPTED_OUT_CHANNEL
        return _skip("off", wish.source, Reason[why.name])
    return _pass("on", wish.source)


def _audience(look: Look) -> Answer:
    if look.facts.withdrawn:
        return _skip("the audience was cancelled", "request", Reason.CANCELLED)
    if look.facts.subscribed is None:
        return _pass("named by the request", "request")
    if not look.facts.subscribed:
        return _skip("not subscribed to the topic", "subscription", Reason.NOT_SUBSCRIBED)
    return _pass("subscribed to the topic", "subscription")


def _snoozed(look: Look) -> Answer:
    until = look.facts.person.snoozed_until
    if not until or until <= look.facts.now or not look.interrupts or look.urgent:
        return _pass("no" if not until else f"until {until}", "person")
    return _hold(f"snoozed until {until}", "person", reason=Reason.SNOOZED, until=until)


def _address(look: Look) -> Answer:
    if not look.spec.addressed:
        return _pass("needs none", "channel")
    if look.suppressed:
        return _skip("suppressed", "suppression", Reason.SUPPRESSED)
    if look.untaken:
        return _skip("no provider for such a device", "route", Reason.NO_PROVIDER)
    if not look.usable:
        return _skip(f"no {look.spec.key} address", "person", Reason.NO_ADDRESS)
    return _pass(f"{len(look.usable)} in use", "person")


def _condition(look: Look) -> Answer:
    ready_at, now = look.ready_at, look.facts.now
    if look.step.condition == IF_UNSEEN and any(past.seen for past in look.earlier):
        return _skip("seen", "recipient", Reason.ALREADY_SEEN)
    if look.step.condition == IF_FAILED:
        return _if_failed(look)
    if ready_at > now:
        return _hold(
            f"leaves at {ready_at:%Y-%m-%dT%H:%M:%SZ}", "step", reason=None, until=ready_at
        )
    if look.step.condition == EXPRESSION and not _expression_holds(look):
        return _skip("the expression is not true", "step", Reason.CONDITION_FALSE)
    return _pass("holds", "step")


def _if_failed(look: Look) -> Answer:
    """Taken once every earlier step has failed; until its wait is over, one may still fail."""
    fates = {_fate(past) for past in look.earlier}
    if "open" in fates:
        return _hold("an earlier step is under way", "step", reason=None, until=_later(look))
    if "reached" not in fates:
        if look.facts.start > look.facts.now:
            return _hold("not yet", "step", reason=None, until=look.facts.start)
        return _pass("the earlier steps failed", "step")
    if look.ready_at > look.facts.now:
        return _hold("an earlier step may still fail", "step", reason=None, until=look.ready_at)
    return _skip("an earlier step went out", "step", Reason.CONDITION_FALSE)


def _later(look: Look) -> datetime | None:
    """When to look again at the latest; word of the earlier step's end comes by announcement."""
    return look.ready_at if look.ready_at > look.facts.now else None


_REACHED = frozenset({State.SENT, State.DELIVERED})


def _fate(past: Past) -> str:
    if past.decision.outcome is Does.HOLD:
        return "open"
    if any(state in _REACHED for state in past.states):
        return "reached"
    under_way = past.decision.outcome is Does.SEND and not past.states
    unsettled = any(is_open(state) or state is State.UNCERTAIN for state in past.states)
    return "open" if under_way or unsettled else "failed"


def _expression_holds(look: Look) -> bool:
    return conditions.holds(look.step.expression or {}, look.facts.person.variables)


def _quiet(look: Look) -> Answer:
    person = look.facts.person
    until = calendar.quiet_until(look.facts.now, person.zone, person.quiet)
    if not until:
        return _pass("not quiet now", "person")
    if look.urgent or not look.interrupts:
        why = "critical passes" if look.urgent else "this does not interrupt"
        return _pass(f"quiet until {until:%H:%M}, {why}", "person")
    return _hold(f"quiet until {until}", "person", reason=Reason.QUIET_HOURS, until=until)


GATES: tuple[tuple[str, Callable[[Look], Answer]], ...] = (
    ("type", _type),
    ("channels", _requested),
    ("template", _template),
    ("provider", _provider),
    ("expiry", _expiry),
    ("guest_list", _guest),
    ("erased", _erased),
    ("paused", _paused),
    ("wishes", _wishes),
    ("audience", _audience),
    ("snoozed", _snoozed),
    ("address", _address),
    ("condition", _condition),
    ("quiet_hours", _quiet),
)
