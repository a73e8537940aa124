"""The threads of a provider, the flights they share, and the deadline of each flight."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue

from delivery.contracts import Message, Outcome
from delivery.lifecycle import OutcomeKind

# Answers that all take longer than this are slow: more threads may wait for them together.
SLOW_SECONDS = 0.005
# One that takes longer than this is, though the others were quick: there may be no more of them.
STALL_SECONDS = 0.02
# How soon the quickest answer so far is forgotten. Most that come late waited for our own threads.
FORGETS = 1.5
# A thread without work ends after so long: to start one costs as much as to hand over a message.
PARKED_SECONDS = 5.0


class Crew:
    """Threads that hand over what their provider is given, the oldest flight first.

    At most `most` of them work. Few begin, and more join while answers are slow: a provider that
    is quick has one thread, which costs least, a slow one has them all. `work` is what each does:
    hand over what it takes, until it is given None.
    """

    def __init__(self, work: "Callable[[Take], None]", *, most: int, name: str) -> None:
        self._work = work
        self._most = most
        self._name = name
        self._flights: deque[_Flight] = deque()
        self._changed = threading.Condition()
        self._shift = 0  # threads of an earlier one may be stuck: they count no more
        self._busy = self._busiest = 0
        self._parked = self._called = 0
        self._first = 1  # threads that begin: half of what was of use the last time
        self._answered_at = 0.0
        self._quickest = SLOW_SECONDS  # of the last few answers, in seconds

    def outcomes(self, messages: Sequence[Message], *, within: float) -> Iterator[Outcome]:
        """Hand all over; one outcome each as they are known, the last after `within` seconds."""
        flight = _Flight(messages, within=within)
        with self._changed:
            self._flights.append(flight)
            self._call(self._first - self._busy)
        try:
            for outcome in flight.outcomes(stalled=self._stalled):
                self._answered(outcome)
                yield outcome
        finally:
            flight.close()
            self._landed(flight)

    def _stalled(self) -> bool:
        """Let as many again join; whether asking again is of any use."""
        with self._changed:
            patience = SLOW_SECONDS if self._is_slow else STALL_SECONDS
            if time.monotonic() - self._answered_at < patience:  # it may be another flight's
                return True
            return self._call(max(1, self._busy))

    @property
    def _is_slow(self) -> bool:
        return self._quickest >= SLOW_SECONDS

    def _answered(self, outcome: Outcome) -> None:
        self._answered_at = time.monotonic()
        self._quickest = min(outcome.took, FORGETS * self._quickest)
        if self._is_slow:
            with self._changed:
                self._call(1)

    def _landed(self, flight: "_Flight") -> None:
        with self._changed:
            if flight.stuck:
                self._shift += 1
                self._busy = self._called = 0
                self._call(self._first)
            self._first = max(1, self._busiest // 2)
            self._busiest = self._busy

    @property
    def _waiting(self) -> int:
        return sum(flight.waiting for flight in self._flights)

    def _call(self, wanted: int) -> bool:
        """Have more threads work; whether there was work and room for any."""
        called = max(0, min(wanted, self._most - self._busy, self._waiting))
        parked = min(called, self._parked - self._called)
        self._busy += called
        self._busiest = max(self._busiest, self._busy)
        self._called += parked
        self._changed.notify(parked)
        for _ in range(called - parked):
            # A daemon: one that is stuck must not keep the process from ending.
            threading.Thread(
                target=self._run, args=(self._shift,), name=self._name, daemon=True
            ).start()
        return called > 0

    def _run(self, shift: int) -> None:
        called: int | None = shift
        while called is not None:
            self._work(partial(self._take, called))
            called = self._rest(called)

    def _take(self, shift: int) -> "Job | None":
        with self._changed:
            while self._flights and shift == self._shift:
                if job := self._flights[0].begin():
                    return job
                self._flights.popleft()
        return None

    def _rest(self, shift: int) -> int | None:
        """Wait for more work; the shift to work in, None to go home."""
        with self._changed:
            if shift != self._shift:
                return None
            if self._waiting:  # it came since
                return shift
            self._busy -= 1
            self._parked += 1
            called = self._changed.wait_for(lambda: self._called > 0, PARKED_SECONDS)
            self._parked -= 1
            self._called -= called
            return self._shift if called else None


class _Flight:
    """The messages of one flight: those that wait, those that run, and the outcomes so far."""

    def __init__(self, messages: Sequence[Message], *, within: float) -> None:
        self.stuck = False
        self._size = len(messages)
        self._began = time.monotonic()
        self._ends = self._began + within
        self._lock = threading.Lock()
        self._waiting = deque(messages)
        self._running: set[Job] = set()
        self._done: SimpleQueue[Outcome] = SimpleQueue()

    @property
    def waiting(self) -> int:
        """How many nobody has taken yet."""
        return len(self._waiting)

    def begin(self) -> "Job | None":
        """The next message to hand over, None when there is none, or no time left for it."""
        with self._lock:
            if not self._waiting or time.monotonic() >= self._ends:
                return None
            job = Job(self._waiting.popleft(), self)
            self._running.add(job)
            return job

    def finish(self, job: "Job", outcome: Outcome) -> None:
        """Tell what became of it; too late is not told."""
        with self._lock:
            if job in self._running:
                self._running.remove(job)
                self._done.put(outcome)

    def outcomes(self, stalled: Callable[[], bool]) -> Iterator[Outcome]:
        """One outcome per message, the last of them when time is up. `stalled` is told when none
        comes, until it says that nothing more can be done about it."""
        told, waits = 0, SLOW_SECONDS
        while told < self._size and (left := self._ends - time.monotonic()) > 0:
            try:
                outcome = self._done.get(timeout=min(waits, left))
            except Empty:
                waits = SLOW_SECONDS if stalled() else left
                continue
            told += 1
            yield outcome
        yield from self.close()

    def close(self) -> list[Outcome]:
        """Nothing begins any more; returns what is not told yet."""
        with self._lock:
            told = [self._done.get_nowait() for _ in range(self._done.qsize())]
            late = [self._late(job.message) for job in self._running]
            unsent = [_unsent(message) for message in self._waiting]
            self.stuck = self.stuck or bool(late)
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


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """A message in the hands of the thread that took it."""

    message: Message
    _flight: _Flight

    def finish(self, outcome: Outcome) -> None:
        """Tell what became of it; too late is not told."""
        self._flight.finish(self, outcome)


Take = Callable[[], Job | None]


def _unsent(message: Message) -> Outcome:
    return Outcome(
        reference=message.reference,
        kind=OutcomeKind.TRANSIENT,
        code="no_turn",
        detail="Its turn had not come at the deadline; it was not sent.",
    )
