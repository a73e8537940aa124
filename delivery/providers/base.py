"""What providers share that take one message at a time: threads, a deadline, and patience."""

import threading
import time
import traceback
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue

from delivery import backoff
from delivery.contracts import Message, Outcome
from delivery.lifecycle import OutcomeKind

# Without an answer for so long more threads join in.
STALL_SECONDS = 0.005


class OneByOne(ABC):
    """A provider that is called once per message, from several threads at a time.

    `send` ends within `deadline` seconds, whatever the other side does, so a lease that is longer
    never runs out under it: a call that still runs then is `unknown`, and a message whose turn has
    not come is `transient` and will not be sent. A flight has as many messages as there are
    threads, unless `flight` says that it has more.
    """

    def __init__(
        self, *, alias: str, threads: int = 8, deadline: float = 15.0, flight: int = 0
    ) -> None:
        if threads < 1 or deadline <= 0:
            raise ValueError("threads and deadline must be more than 0")
        self.alias = alias
        self.threads = threads
        self.flight = max(flight, threads)
        self.deadline = deadline
        self._first = 1  # threads that begin: about as many as were of use the last time

    @abstractmethod
    def send_one(self, message: Message) -> Outcome:
        """Hand one message over. Whatever it raises becomes an `unknown` outcome."""

    def send(self, messages: Sequence[Message]) -> Iterator[Outcome]:
        """Hand all messages over; outcomes come as they are known."""
        batch = Batch(messages, ends=time.monotonic() + self.deadline)
        most = min(self.threads, len(messages))
        crew = _Crew(partial(self.work, batch), most=most, name=f"provider-{self.alias}")
        crew.grow(self._first)
        try:
            yield from batch.outcomes(stalled=crew.double)
        finally:
            batch.give_up()
            self._first = max(1, crew.size // 2)

    def work(self, batch: "Batch") -> None:
        """What each thread does: hand messages over until there are no more."""
        while (job := batch.begin()) is not None:
            number, message = job
            batch.finish(number, self._answer(message))

    def _answer(self, message: Message) -> Outcome:
        began = time.monotonic()
        try:
            outcome = self.send_one(message)
        except Exception as error:  # noqa: BLE001 - one message must not sink the others
            outcome = raised(message, error)
        return replace(outcome, took=time.monotonic() - began)


class _Crew:
    """The threads that hand over one batch."""

    def __init__(self, work: Callable[[], None], *, most: int, name: str) -> None:
        self.size = 0
        self._most = most
        self._work = work
        self._name = name

    def grow(self, by: int) -> bool:
        """Let more threads join; whether there was room for any."""
        room = min(by, self._most - self.size)
        for _ in range(room):
            # A daemon: one that is stuck must not keep the process from ending.
            threading.Thread(target=self._work, name=self._name, daemon=True).start()
        self.size += room
        return room > 0

    def double(self) -> bool:
        """As many again."""
        return self.grow(self.size)


class Batch:
    """The messages of one `send`: those that wait, those that run, and the outcomes so far."""

    def __init__(self, messages: Sequence[Message], *, ends: float) -> None:
        self._ends = ends
        self._size = len(messages)
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._waiting = deque(enumerate(messages))
        self._running: dict[int, Message] = {}
        self._done: SimpleQueue[Outcome] = SimpleQueue()

    def begin(self) -> tuple[int, Message] | None:
        """The next message to hand over, None when there is none, or no time left for it."""
        with self._lock:
            if not self._waiting or time.monotonic() >= self._ends:
                return None
            number, message = self._waiting.popleft()
            self._running[number] = message
            return number, message

    def finish(self, number: int, outcome: Outcome) -> None:
        """Tell what became of it; too late is not told."""
        with self._lock:
            if self._running.pop(number, None) is not None:
                self._done.put(outcome)

    def outcomes(self, stalled: Callable[[], bool]) -> Iterator[Outcome]:
        """One outcome per message, the last of them when time is up. `stalled` is told when none
        comes, until it says that nothing more can be done about it."""
        told, waits = 0, STALL_SECONDS
        while told < self._size and (left := self._ends - time.monotonic()) > 0:
            try:
                outcome = self._done.get(timeout=min(waits, left))
            except Empty:
                waits = STALL_SECONDS if stalled() else left
                continue
            told += 1
            yield outcome
        yield from self.give_up()

    def give_up(self) -> list[Outcome]:
        """Close the batch: nothing begins any more; returns what is not told yet."""
        with self._lock:
            told = [self._done.get_nowait() for _ in range(self._done.qsize())]
            late = [self._late(message) for message in self._running.values()]
            unsent = [_unsent(message) for _, message in self._waiting]
            self._running.clear()
            self._waiting.clear()
        return told + late + unsent

    def _late(self, message: Message) -> Outcome:
        return Outcome(
            reference=message.reference,
            kind=OutcomeKind.UNKNOWN,
            code="deadline",
            detail="The call had not ended at its deadline.",
            took=time.monotonic() - self._began,
        )


def asked_to_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds that an answer's Retry-After asks for; None where it asks for nothing sensible.

    A date counts from the answer's own Date: a clock of ours that is ahead calls no earlier.
    """
    now = backoff.http_date(headers.get("Date", "")) or datetime.now(UTC)
    return backoff.retry_after(headers.get("Retry-After"), now=now)


def _unsent(message: Message) -> Outcome:
    return Outcome(
        reference=message.reference,
        kind=OutcomeKind.TRANSIENT,
        code="no_turn",
        detail="Its turn had not come at the deadline; it was not sent.",
    )


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
