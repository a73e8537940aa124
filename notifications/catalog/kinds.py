"""A type and its steps as plain facts, for whoever decides about them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ALWAYS, IF_UNSEEN, IF_FAILED, EXPRESSION = 1, 2, 3, 4  # models.Condition


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFacts:
    """A step of the type; `wait` is seconds after the notification's start."""

    position: int
    channel: int
    wait: int = 0
    condition: int = ALWAYS
    expression: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeFacts:
    """What is said. `templates` are the channels that have published words in some locale, of their
    own or for every channel."""

    id: int
    key: str
    active: bool
    category: str
    mandatory: bool
    default_channels: tuple[int, ...]
    steps: tuple[StepFacts, ...]
    templates: frozenset[int]
    email_interrupts: bool = True
