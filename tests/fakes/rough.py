"""A provider that answers as no provider should: whatever its alias was told to do."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from delivery.contracts import Message, Outcome

Answers = Callable[[Sequence[Message]], Iterable[Outcome]]
ANSWERS: dict[str, Answers] = {}


class Rough:
    """Answers a flight by the function arranged for its alias."""

    def __init__(self, *, alias: str, flight: int | None = 5) -> None:
        self.alias = alias
        self.flight = flight

    def send(self, messages: Sequence[Message]) -> Iterator[Outcome]:
        """Whatever was arranged."""
        yield from ANSWERS[self.alias](messages)
