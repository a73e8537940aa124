"""What is measured, and what is made of it: medians over rounds, ratios within a round, goals."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one contender did in one round; CPU in seconds, `numbers` whatever else it told."""

    operations: int
    seconds: float
    own: float = 0.0
    database: float = 0.0
    numbers: Mapping[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Operations a second."""
        return self.operations / self.seconds

    @property
    def own_us(self) -> float:
        """Microseconds of CPU an operation cost the contender's own processes."""
        return 1e6 * self.own / self.operations

    @property
    def database_us(self) -> float:
        """Microseconds of CPU an operation cost PostgreSQL."""
        return 1e6 * self.database / self.operations


@dataclass(frozen=True, slots=True)
class Figure:
    """The median of some values, and between which they lay."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Figure | None":
        """None of no values."""
        return cls(median(values), min(values), max(values)) if values else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A bound, and what was reached; `reached` is None where a contender was left out."""

    text: str
    reached: Figure | None
    at_least: float | None = None
    at_most: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the median is within the bound; None where there is none."""
        if self.reached is None:
            return None
        if self.at_least is not None and self.reached.median < self.at_least:
            return False
        return self.at_most is None or self.reached.median <= self.at_most


class Rounds:
    """The readings of a scenario: those of a round were taken one right after the other."""

    def __init__(self) -> None:
        self.rounds: list[dict[str, Reading]] = []

    def contenders(self) -> list[str]:
        """Whoever has been measured, in the order in which it was first done."""
        return list(dict.fromkeys(name for taken in self.rounds for name in taken))

    def figure(self, contender: str, what: Callable[[Reading], float]) -> Figure | None:
        """Something of all readings of a contender."""
        return Figure.of([what(taken[contender]) for taken in self.rounds if contender in taken])

    def number(self, contender: str, name: str) -> Figure | None:
        """One of the numbers a contender told."""
        with_it = [taken[contender] for taken in self.rounds if contender in taken]
        return Figure.of([one.numbers[name] for one in with_it if name in one.numbers])

    def ratio(
        self, one: str, other: str, what: Callable[[Reading], float] = lambda reading: reading.rate
    ) -> Figure | None:
        """One contender's share of another's, within each round."""
        both = [taken for taken in self.rounds if one in taken and other in taken]
        return Figure.of([what(taken[one]) / what(taken[other]) for taken in both])


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of them does not exceed; of none it is infinite."""
    ordered = sorted(values)
    at = max(0, -(-len(ordered) * round(share * 1000) // 1000) - 1)
    return ordered[min(at, len(ordered) - 1)] if ordered else float("inf")
