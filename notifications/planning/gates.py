"""The gates of a decision, in their order. Each looks at one thing and says what it saw."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from delivery import channels
from delivery.lifecycle import Reason, State, is_open
from notifications.audiences import conditions
from notifications.catalog.kinds import EXPRESSION, IF_FAILED, IF_UNSEEN, StepFacts
from notifications.planning.decision import AddressFacts, Answer, Does, Facts, Past
from notifications.words import Priority
from preferences import calendar
from preferences.resolution import Why


@dataclass(frozen=True, slots=True)
class Look:
    """One step on one channel, with all that is known."""

    facts: Facts
    step: StepFacts
    channel: int
    earlier: tuple[Past, ...]

    @property
    def spec(self) -> channels.ChannelSpec:
        return channels.by_number(self.channel)

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
        return self.facts.start + timedelta(seconds=self.step.wait)

    def usable(self) -> tuple[int, ...]:
        found = [one.id for one in self._addresses() if not one.suppressed]
        return tuple(found if self.spec.every_address else found[:1])

    def _addresses(self) -> list[AddressFacts]:
        return [one for one in self.facts.person.addresses if one.channel == self.channel]

    def suppressed(self) -> bool:
        return bool(self._addresses()) and not self.usable()


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
    return Answer(value=f"{kind.key} is active", source="type")


def _requested(look: Look) -> Answer:
    only = look.facts.only_channels
    if only is not None and look.channel not in only:
        return _skip(f"asked for {', '.join(channels.keys(only))}", "request", Reason.EXCLUDED)
    return Answer(
        value="all of the type's channels" if only is None else "asked for", source="request"
    )


def _template(look: Look) -> Answer:
    if look.channel not in look.facts.type.templates:
        return _skip(f"nothing published for {look.spec.key}", "template", Reason.NO_TEMPLATE)
    return Answer(value="published", source="template")


def _provider(look: Look) -> Answer:
    if look.channel not in look.facts.providers:
        return _skip(f"no provider for {look.spec.key}", "route", Reason.NO_PROVIDER)
    return Answer(value=f"{look.spec.key} has a provider", source="route")


def _expiry(look: Look) -> Answer:
    expires_at = look.facts.expires_at
    if expires_at and expires_at <= look.facts.now:
        return _skip(f"expired at {expires_at:%Y-%m-%dT%H:%M:%SZ}", "request", Reason.EXPIRED)
    return Answer(
        value=f"{expires_at:%Y-%m-%dT%H:%M:%SZ}" if expires_at else "never", source="request"
    )


def _guest(look: Look) -> Answer:
    if not look.facts.person.guest:
        return _skip("not on the service's guest list", "service", Reason.NOT_ON_GUEST_LIST)
    return Answer(value="may be reached with this key", source="service")


def _erased(look: Look) -> Answer:
    if look.facts.person.erased:
        return _skip("erased", "person", Reason.ERASED)
    return Answer(value="known", source="person")


def _paused(look: Look) -> Answer:
    """A pause holds what interrupts. What a person cannot switch off it cannot pause either."""
    until = look.facts.person.paused_until
    if not until or until <= look.facts.now or not look.interrupts:
        return Answer(value="not paused" if not until else f"paused until {until}", source="person")
    if look.urgent or look.facts.type.mandatory:
        return Answer(value="paused, but this cannot wait", source="category")
    return _hold(f"paused until {until}", "person", reason=Reason.PAUSED, until=until)


def _wishes(look: Look) -> Answer:
    wish = look.facts.person.effective[look.channel]
    if not wish.enabled:
        why = wish.reason or Why.OPTED_OUT_CHANNEL
        return _skip("off", wish.source, Reason[why.name])
    return Answer(value="on", source=wish.source)


def _audience(look: Look) -> Answer:
    if look.facts.withdrawn:
        return _skip("the audience was cancelled", "request", Reason.CANCELLED)
    if look.facts.subscribed is None:
        return Answer(value="named by the request", source="request")
    if not look.facts.subscribed:
        return _skip("not subscribed to the topic", "subscription", Reason.NOT_SUBSCRIBED)
    return Answer(value="subscribed to the topic", source="subscription")


def _snoozed(look: Look) -> Answer:
    until = look.facts.person.snoozed_until
    if not until or until <= look.facts.now or not look.interrupts or look.urgent:
        return Answer(value="no" if not until else f"until {until}", source="person")
    return _hold(f"snoozed until {until}", "person", reason=Reason.SNOOZED, until=until)


def _address(look: Look) -> Answer:
    if not look.spec.addressed:
        return Answer(value="needs none", source="channel")
    if look.suppressed():
        return _skip("suppressed", "suppression", Reason.SUPPRESSED)
    if not look.usable():
        return _skip(f"no {look.spec.key} address", "person", Reason.NO_ADDRESS)
    return Answer(value=f"{len(look.usable())} in use", source="person")


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
    return Answer(value="holds", source="step")


def _if_failed(look: Look) -> Answer:
    """Taken once every earlier step has failed; until its wait is over, one may still fail."""
    fates = {_fate(past) for past in look.earlier}
    if "open" in fates:
        return _hold("an earlier step is under way", "step", reason=None, until=_later(look))
    if "reached" not in fates:
        if look.facts.start > look.facts.now:
            return _hold("not yet", "step", reason=None, until=look.facts.start)
        return Answer(value="the earlier steps failed", source="step")
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
        return Answer(value="not quiet now", source="person")
    if look.urgent or not look.interrupts:
        why = "critical passes" if look.urgent else "this does not interrupt"
        return Answer(value=f"quiet until {until:%H:%M}, {why}", source="person")
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
