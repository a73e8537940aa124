"""What a decision is made of: the facts it may depend on, and the answers it gives.

Several of each are made for every notification, and tuples are what costs least to make.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from delivery.lifecycle import Reason, State
from notifications.catalog.kinds import TypeFacts
from notifications.words import Priority
from preferences import calendar
from preferences.resolution import Effective

_NOTHING: Mapping[Any, Any] = MappingProxyType({})


class Does(StrEnum):
    """What is done about a step."""

    SEND = "send"
    HOLD = "hold"
    DIGEST = "digest"
    SKIP = "skip"


class AddressFacts(NamedTuple):
    """One current address of the person; `hash` is what a delivery keeps of it."""

    id: int
    channel: int
    hash: bytes = b""
    suppressed: bool = False
    kind: str = ""


class PersonFacts(NamedTuple):
    """The person as they are now. `effective` is resolution's answer for each channel."""

    zone: ZoneInfo
    effective: Mapping[int, Effective]
    erased: bool = False
    paused_until: datetime | None = None
    snoozed_until: datetime | None = None
    preferred_channel: int | None = None
    quiet: calendar.Week = calendar.NEVER
    addresses: tuple[AddressFacts, ...] = ()
    variables: Mapping[str, Any] = _NOTHING
    guest: bool = True


class StepDecision(NamedTuple):
    """What is done about one step, and why. `source` says whose word it was."""

    step: int
    channel: int
    outcome: Does
    reason: Reason | None = None
    until: datetime | None = None
    source: str = ""
    addresses: tuple[int, ...] = ()


class Past(NamedTuple):
    """A step decided before: what was said, and how its deliveries stand."""

    decision: StepDecision
    states: tuple[State, ...] = ()
    seen: bool = False


class Facts(NamedTuple):
    """All that a decision may depend on. `start` is when the first step may leave. `kinds`: of
    addresses, those that somebody takes, for channels on which nobody takes all. `withdrawn`: the
    audience it is for was cancelled; `subscribed`: to the topic it was sent to, if any."""

    now: datetime
    start: datetime
    type: TypeFacts
    person: PersonFacts
    providers: frozenset[int]
    kinds: Mapping[int, frozenset[str]] = _NOTHING
    expires_at: datetime | None = None
    priority: Priority = Priority.NORMAL
    only_channels: frozenset[int] | None = None
    key_live: bool = True
    withdrawn: bool = False
    subscribed: bool | None = None
    past: Mapping[int, Past] = _NOTHING


class Answer(NamedTuple):
    """What one gate says: `outcome` None lets the step pass. `value` and `source` are what it
    looked at, for whoever asks why."""

    value: str
    source: str
    outcome: Does | None = None
    reason: Reason | None = None
    until: datetime | None = None


class Gate(NamedTuple):
    """One gate as `explain` shows it; `answer` None was not reached."""

    step: int
    channel: int
    name: str
    answer: Answer | None


class Decision(NamedTuple):
    """What is done about each step, and when to decide again (None: nothing waits for a time)."""

    steps: tuple[StepDecision, ...]
    due_at: datetime | None

    @property
    def waits(self) -> bool:
        """Whether some step is held."""
        return any(step.outcome is Does.HOLD for step in self.steps)
