"""What providers share that take one message at a time: threads, a deadline, and patience."""

import math
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from delivery import backoff
from delivery.contracts import Feature, Message, Outcome
from delivery.lifecycle import OutcomeKind
from delivery.providers.crew import Crew, Take

# Told, while somebody tries a provider, what it says to the other side and hears from it.
Watch = Callable[[str], None]

# Half of fewer would not pay for what every flight costs.
MANY_THREADS = 32
# Where each message goes to a server of its own: of them one may be slow, and hold up its flight.
APART_FLIGHTS = 8


class OneByOne(ABC):
    """A provider that is called once per message, from several threads at a time.

    `send` ends within `deadline` seconds, whatever the other side does, so a lease that is longer
    never runs out under it: a call that still runs then is `unknown`, and a message whose turn has
    not come is `transient` and will not be sent. A flight has as many messages as there are
    threads, unless `flight` says that it has more. Many threads are given two flights, half the
    size: while one is settled and the next one sealed, the other keeps them busy. What `watch` is
    told holds addresses and secrets.
    """

    features: ClassVar[frozenset[Feature]] = frozenset()
    apart: ClassVar[bool] = False
    watch: Watch | None = None

    def __init__(
        self, *, alias: str, threads: int = 8, deadline: float = 15.0, flight: int = 0
    ) -> None:
        if threads < 1 or deadline <= 0:
            raise ValueError("threads and deadline must be more than 0")
        self.alias = alias
        self.threads = threads
        halves = 2 if threads >= MANY_THREADS and not self.apart else 1
        self.flight = math.ceil(max(flight, threads) / halves)
        self.flights = APART_FLIGHTS if self.apart else halves
        self.deadline = deadline
        self._crew = Crew(self.work, most=threads, name=f"provider-{alias}")

    @abstractmethod
    def send_one(self, message: Message) -> Outcome:
        """Hand one message over. Whatever it raises becomes an `unknown` outcome."""

    def send(self, messages: Sequence[Message]) -> Iterator[Outcome]:
        """Hand all messages over; outcomes come as they are known."""
        return self._crew.outcomes(messages, within=self.deadline)

    def work(self, take: Take) -> None:
        """What each thread does: hand messages over until there are no more."""
        while (job := take()) is not None:
            job.finish(self._answer(job.message))

    def _answer(self, message: Message) -> Outcome:
        began = time.monotonic()
        try:
            outcome = self.send_one(message)
        except Exception as error:  # noqa: BLE001 - one message must not sink the others
            outcome = raised(message, error)
        return replace(outcome, took=time.monotonic() - began)


def asked_to_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds that an answer's Retry-After asks for; None where it asks for nothing sensible.

    A date counts from the answer's own Date: a clock of ours that is ahead calls no earlier.
    """
    now = backoff.http_date(headers.get("Date", "")) or datetime.now(UTC)
    return backoff.retry_after(headers.get("Retry-After"), now=now)


def seconds_left(expires_at: datetime | None, *, otherwise: int, least: int, most: int) -> int:
    """For how many seconds, of those that a provider takes, it may keep a message or go on trying;
    `otherwise` where the message does not expire."""
    if expires_at is None:
        return otherwise
    left = math.ceil((expires_at - datetime.now(UTC)).total_seconds())
    return min(max(left, least), most)


def raised(message: Message, error: Exception) -> Outcome:
    """What is said of a message whose hand-over broke."""
    # Only where it happened: what an exception says of itself may name people.
    place = traceback.extract_tb(error.__traceback__)[-1]
    return Outcome(
        reference=message.reference,
        kind=OutcomeKind.UNKNOWN,
        code=type(error).__name__,
        detail=f"Raised in {Path(place.filename).name}:{place.lineno}, {place.name}.",
    )
