"""What is to be done about a notification now: a pure function that says why.

The same function serves the live path, `explain`, and the last look before sending. Each step
passes the gates in order; the first that objects answers. What is the same for a whole batch
comes first, what needs locks last.
"""

from collections.abc import Iterator

from delivery import channels
from delivery.lifecycle import Reason
from notifications.catalog.kinds import StepFacts
from notifications.planning.decision import (
    Answer,
    Decision,
    Does,
    Facts,
    Gate,
    Past,
    StepDecision,
)
from notifications.planning.gates import GATES, Look


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
    # What waits for news without a time waits no longer than it lives.
    untils = [
        until
        for step in steps
        if step.outcome is Does.HOLD and (until := step.until or facts.expires_at)
    ]
    return Decision(steps=steps, due_at=min(untils, default=None))


def _decide_step(
    facts: Facts, step: StepFacts, *, earlier: tuple[Past, ...], trace: list[Gate] | None
) -> StepDecision:
    """A step's own channel; for the preferred one, the first that nothing forbids."""
    first: StepDecision | None = None
    for channel in _candidates(facts, step):
        made = _pass_gates(Look.of(facts, step, channel, earlier=earlier), trace)
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


def _pass_gates(look: Look, trace: list[Gate] | None) -> StepDecision:
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
        return answer._replace(outcome=Does.SKIP, reason=Reason.EXPIRED, until=None)
    return answer


def _decided(look: Look, stopped: Answer | None) -> StepDecision:
    if stopped is None or stopped.outcome is None:
        return StepDecision(
            step=look.step.position,
            channel=look.channel,
            outcome=Does.SEND,
            source=look.facts.person.effective[look.channel].source,
            addresses=look.usable,
        )
    return StepDecision(
        step=look.step.position,
        channel=look.channel,
        outcome=stopped.outcome,
        reason=stopped.reason,
        until=stopped.until,
        source=stopped.source,
    )
