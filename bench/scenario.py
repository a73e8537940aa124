"""What a scenario is: contenders that take turns, and goals for what they reach."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.reading import Goal, Reading, Rounds
from bench.stand import Stand

# Does the contender's part once, at this share of its full size.
Contender = Callable[[Stand, float], Reading]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """`unit` is one operation; `method` says in a sentence or two what is measured, and how."""

    name: str
    title: str
    unit: str
    method: str
    contenders: Mapping[str, Contender]
    goals: Callable[[Rounds], list[Goal]]


def scaled(number: int, scale: float, *, least: int = 20) -> int:
    """A share of a full size."""
    return max(least, round(number * scale))
