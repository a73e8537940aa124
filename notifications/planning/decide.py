"""What is to be done about a notification now: a pure function that says why.

The same function serves the live path, `explain`, and the last look before sending. Each step
passes the gates in order; the first that objects answers. What is the same for a whole batch
comes first, what needs locks last.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from delivery import channels
from delivery.lifecycle import Reason, State, is_open
from notifications.audiences import conditions
from notifications.catalog.kinds import EXPRESSION, IF_FAILED, IF_UNSEEN, StepFacts, TypeFacts
from notifications.words import Priority
from preferences import calendar
from preferences.resolution import Effective, Why


class Does(StrEnum):
    """What is done about a step."""

    SEND = "send"
    HOLD = "hold"
    DIGEST = "digest"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressFacts:
    """One current address of the person."""

    id: int
    channel: int
    suppressed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonFacts:
    """The person as they are now. `effective` is resolution's answer for each channel."""

    erased: bool = False
    paused_until: datetime | None = None
    snoozed_until: datetime | None = None
    preferred_channel: int | None = None
    zone: ZoneInfo
    quiet: calendar.Week = field(default_factory=calendar.Week)
    effective: Mapping[int, Effective]
    addresses: tuple[AddressFacts, ...] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)
    guest: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDecision:
    """What is done about one step, and why. `source` says whose word it was."""

    step: int
    channel: int
    outcome: Does
    reason: Reason | None = None
    until: datetime | None = None
    source: str = ""
    addresses: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A step decided before: what was said, and how its deliveries stand."""

    decision: StepDecision
    states: tuple[State, ...] = ()
    seen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that a decision may depend on. `start` is when the first step may leave."""

    now: datetime
    start: datetime
    expires_at: datetime | None = None
    priority: Priority = Priority.NORMAL
    only_channels: frozenset[int] | None = None
    providers: frozenset[int]
    key_live: bool = True
    type: TypeFacts
    person: PersonFacts
    past: Mapping[int, Past] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one gate says: `outcome` None lets the step pass. `value` and `source` are what it
    looked at, for whoever asks why."""

    value: str
    source: str
    outcome: Does | None = None
    reason: Reason | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One gate as `explain` shows it; `answer` None was not reached."""

    step: int
    channel: int
    name: str
    answer: Answer | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is done about each step, and when to decide again (None: nothing waits for a time)."""

    steps: tuple[StepDecision, ...]
    due_at: datetime | None

    @property
    def waits(self) -> bool:
        """Whether some step is held."""
        return any(step.outcome is Does.HOLD for step in self.steps)


def decide(facts: Facts, *, trace: list[Gate] | None = None) -> Decision:
    """Decide every step of a notification. With `trace`, every gate is written down too.

    Steps already sent or skipped stay as they are; held ones are looked at afresh.
    """
    decided: dict[int, Past] = {}
    for step in facts.type.steps:
        before = facts.past.get(step.position)
        if before and before.decision.outcome is not Does.HOLD:
            decided[step.position] = before
            continue
        made = _decide_step(facts, step, earlier=tuple(decided.values()), trace=trace)
        decided[step.position] = Past(decision=made)
    steps = tuple(past.decision for past in decided.values())
    untils = [step.until for step in steps if step.outcome is Does.HOLD and step.until]
    return Decision(steps=steps, due_at=min(untils, default=None))


def _decide_step(
    facts: Facts, step: StepFacts, *, earlier: Sequence[Past], trace: list[Gate] | None
) -> StepDecision:
    """A step's own channel; for the preferred one, the first that nothing forbids."""
    first: StepDecision | None = None
    for channel in _candidates(facts, step):
        made = _pass_gates(_Look(facts, step, channel, tuple(earlier)), trace)
        if made.outcome is not Does.SKIP:
            return made
        first = first or made
    return first or StepDecision(
        step=step.position, channel=step.channel, outcome=Does.SKIP, reason=Reason.NO_TEMPLATE,
        source="type",
    )  # fmt: skip


def _candidates(facts: Facts, step: StepFacts) -> Iterator[int]:
    if step.channel != channels.PREFERRED:
        yield step.channel
        return
    own = facts.person.preferred_channel
    order = [own] if own is not None else []
    order += [*facts.type.default_channels, *sorted(facts.type.templates)]
    yield from dict.fromkeys(channel for channel in order if channel in facts.type.templates)


@dataclass(frozen=True, slots=True)
class _Look:
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


def _pass_gates(look: _Look, trace: list[Gate] | None) -> StepDecision:
    stopped: Answer | None = None
    for name, gate in GATES:
        answer = None if stopped else gate(look)
        if trace is not None:
            trace.append(
                Gate(step=look.step.position, channel=look.channel, name=name, answer=answer)
            )
        if answer and answer.outcome:
            stopped = _not_past_expiry(answer, look.facts)
            if trace is None:
                break
    return _decided(look, stopped)


def _not_past_expiry(answer: Answer, facts: Facts) -> Answer:
    """What would be held until after it expires is expired at once."""
    if answer.until and facts.expires_at and answer.until >= facts.expires_at:
        return replace(answer, outcome=Does.SKIP, reason=Reason.EXPIRED, until=None)
    return answer


def _decided(look: _Look, stopped: Answer | None) -> StepDecision:
    if stopped is None or stopped.outcome is None:
        return StepDecision(
            step=look.step.position,
            channel=look.channel,
            outcome=Does.SEND,
            source=look.facts.person.effective[look.channel].source,
            addresses=look.usable(),
        )
    return StepDecision(
        step=look.step.position,
        channel=look.channel,
        outcome=stopped.outcome,
        reason=stopped.reason,
        until=stopped.until,
        source=stopped.source,
    )


def _skip(value: str, source: str, reason: Reason) -> Answer:
    return Answer(value=value, source=source, outcome=Does.SKIP, reason=reason)


def _hold(value: str, source: str, *, reason: Reason | None, until: datetime | None) -> Answer:
    return Answer(value=value, source=source, outcome=Does.HOLD, reason=reason, until=until)


def _type(look: _Look) -> Answer:
    kind = look.facts.type
    if not kind.active:
        return _skip(f"{kind.key} is switched off", "type", Reason.INACTIVE_TYPE)
    if not look.facts.key_live:
        return _skip("the API key was revoked", "service", Reason.CANCELLED)
    return Answer(value=f"{kind.key} is active", source="type")


def _requested(look: _Look) -> Answer:
    only = look.facts.only_channels
    if only is not None and look.channel not in only:
        return _skip(f"asked for {', '.join(channels.keys(only))}", "request", Reason.EXCLUDED)
    return Answer(
        value="all of the type's channels" if only is None else "asked for", source="request"
    )


def _template(look: _Look) -> Answer:
    if look.channel not in look.facts.type.templates:
        return _skip(f"nothing published for {look.spec.key}", "template", Reason.NO_TEMPLATE)
    return Answer(value="published", source="template")


def _provider(look: _Look) -> Answer:
    if look.channel not in look.facts.providers:
        return _skip(f"no provider for {look.spec.key}", "route", Reason.NO_PROVIDER)
    return Answer(value=f"{look.spec.key} has a provider", source="route")


def _expiry(look: _Look) -> Answer:
    expires_at = look.facts.expires_at
    if expires_at and expires_at <= look.facts.now:
        return _skip(f"expired at {expires_at:%Y-%m-%dT%H:%M:%SZ}", "request", Reason.EXPIRED)
    return Answer(
        value=f"{expires_at:%Y-%m-%dT%H:%M:%SZ}" if expires_at else "never", source="request"
    )


def _guest(look: _Look) -> Answer:
    if not look.facts.person.guest:
        return _skip("not on the service's guest list", "service", Reason.NOT_ON_GUEST_LIST)
    return Answer(value="may be reached with this key", source="service")


def _erased(look: _Look) -> Answer:
    if look.facts.person.erased:
        return _skip("erased", "person", Reason.ERASED)
    return Answer(value="known", source="person")


def _paused(look: _Look) -> Answer:
    """A pause holds what interrupts. What a person cannot switch off it cannot pause either."""
    until = look.facts.person.paused_until
    if not until or until <= look.facts.now or not look.interrupts:
        return Answer(value="not paused" if not until else f"paused until {until}", source="person")
    if look.urgent or look.facts.type.mandatory:
        return Answer(value="paused, but this cannot wait", source="category")
    return _hold(f"paused until {until}", "person", reason=Reason.PAUSED, until=until)


def _wishes(look: _Look) -> Answer:
    wish = look.facts.person.effective[look.channel]
    if not wish.enabled:
        why = wish.reason or Why.OPTED_OUT_CHANNEL
        return _skip("off", wish.source, Reason[why.name])
    return Answer(value="on", source=wish.source)


def _snoozed(look: _Look) -> Answer:
    until = look.facts.person.snoozed_until
    if not until or until <= look.facts.now or not look.interrupts or look.urgent:
        return Answer(value="no" if not until else f"until {until}", source="person")
    return _hold(f"snoozed until {until}", "person", reason=Reason.SNOOZED, until=until)


def _address(look: _Look) -> Answer:
    if not look.spec.addressed:
        return Answer(value="needs none", source="channel")
    if look.suppressed():
        return _skip("suppressed", "suppression", Reason.SUPPRESSED)
    if not look.usable():
        return _skip(f"no {look.spec.key} address", "person", Reason.NO_ADDRESS)
    return Answer(value=f"{len(look.usable())} in use", source="person")


def _condition(look: _Look) -> Answer:
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


def _if_failed(look: _Look) -> Answer:
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


def _later(look: _Look) -> datetime | None:
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


def _expression_holds(look: _Look) -> bool:
    return conditions.holds(look.step.expression or {}, look.facts.person.variables)


def _quiet(look: _Look) -> Answer:
    person = look.facts.person
    until = calendar.quiet_until(look.facts.now, person.zone, person.quiet)
    if not until:
        return Answer(value="not quiet now", source="person")
    if look.urgent or not look.interrupts:
        why = "critical passes" if look.urgent else "this does not interrupt"
        return Answer(value=f"quiet until {until:%H:%M}, {why}", source="person")
    return _hold(f"quiet until {until}", "person", reason=Reason.QUIET_HOURS, until=until)


GATES: tuple[tuple[str, Callable[[_Look], Answer]], ...] = (
    ("type", _type),
    ("channels", _requested),
    ("template", _template),
    ("provider", _provider),
    ("expiry", _expiry),
    ("guest_list", _guest),
    ("erased", _erased),
    ("paused", _paused),
    ("wishes", _wishes),
    ("snoozed", _snoozed),
    ("address", _address),
    ("condition", _condition),
    ("quiet_hours", _quiet),
)
