"""What a decision is made of: the facts it may depend on, and the answers it gives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from delivery.lifecycle import Reason, State
from notifications.catalog.kinds import TypeFacts
from notifications.words import Priority
from preferences import calendar
from preferences.resolution import Effective


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
    """All that a decision may depend on. `start` is when the first step may leave. `withdrawn`:
    the audience it is for was cancelled; `subscribed`: to the topic it was sent to, if any."""

    now: datetime
    start: datetime
    expires_at: datetime | None = None
    priority: Priority = Priority.NORMAL
    only_channels: frozenset[int] | None = None
    providers: frozenset[int]
    key_live: bool = True
    withdrawn: bool = False
    subscribed: bool | None = None
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
