"""A provider with scripted outcomes, installed by settings like any other."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from delivery.contracts import Message, Outcome
from delivery.lifecycle import OutcomeKind

ACCEPT = OutcomeKind.ACCEPTED


class Ledger:
    """What a scripted provider was handed, and what it is to answer."""

    def __init__(self) -> None:
        self.taken: list[Message] = []
        self.script: list[OutcomeKind | BaseException | Callable[[Message], OutcomeKind]] = []
        self.retry_after: float | None = None

    def answer(self, message: Message) -> OutcomeKind:
        """The next line of the script; past its end all is accepted."""
        if not self.script:
            return ACCEPT
        line = self.script.pop(0)
        if isinstance(line, BaseException):
            raise line
        return line if isinstance(line, OutcomeKind) else line(message)


LEDGERS: dict[str, Ledger] = {}


class Scripted:
    """Takes messages and answers by the script of its alias' ledger."""

    def __init__(self, *, alias: str, flight: int = 50, **traits: Any) -> None:
        self.alias = alias
        self.flight = flight
        self.__dict__.update(traits)
        self.ledger = LEDGERS.setdefault(alias, Ledger())

    def send(self, messages: Sequence[Message]) -> Iterator[Outcome]:
        """One outcome per message; an exception in the script breaks off half-way."""
        for message in messages:
            kind = self.ledger.answer(message)
            if kind in (OutcomeKind.ACCEPTED, OutcomeKind.DELIVERED, OutcomeKind.UNKNOWN):
                self.ledger.taken.append(message)
            yield Outcome(
                reference=message.reference,
                kind=kind,
                code=kind.name.lower(),
                provider_ref=f"{self.alias}-{len(self.ledger.taken)}",
                retry_after=self.ledger.retry_after,
            )
