"""The threads of a provider, the flights they share, and the deadline of each flight."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from typing import NamedTuple, Protocol

from delivery.contracts import Message, Outcome
from delivery.lifecycle import OutcomeKind

# Answers that are all waited for longer than this are slow: more threads may do so together.
SLOW_SECONDS = 0.005
# One that takes longer than this is, though the others were quick: there may be no more of them.
STALL_SECONDS = 0.02
# How soon the quickest answer so far is forgotten. Many that come late waited for our own threads.
FORGETS = 1.5
# No answer counts as quicker than this: one that was there at once would never be forgotten.
QUICKEST_SECONDS = 0.0001
# A thread without work ends after so long: to start one costs as much as to hand over a message.
PARKED_SECONDS = 5.0
# Outcomes are passed on together, so that not every one of them wakes who waits for them.
GATHER_SECONDS = 0.005


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
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._shift = 0  # threads of an earlier one may be stuck: they count no more
        self._busy = self._busiest = 0
        self._parked = self._called = 0
        self._expected = 0  # threads that were called and have not taken anything yet
        self._first = 1  # threads that begin: as many as were of use the last time, or half
        self._answered_at = 0.0
        self._quickest = SLOW_SECONDS  # of the last few answers, in seconds

    def outcomes(self, messages: Sequence[Message], *, within: float) -> Iterator[Outcome]:
        """Hand all over; one outcome each as they are known, the last after `within` seconds."""
        flight = _Flight(messages, within=within)
        with self._lock:
            self._flights.append(flight)
            self._call(self._first - (0 if self._is_slow else self._busy))
        try:
            for answers in flight.answers(stalled=self._stalled):
                self._answered(answers)
                for answer in answers:
                    yield answer.outcome
            yield from flight.close()
        finally:
            flight.close()
            self._landed(flight)

    def _stalled(self, late: float) -> bool:
        """Let as many again join; whether asking again is of any use. The seconds that we woke up
        too `late` say that our own threads wait for each other, not for an answer."""
        with self._lock:
            self._answered_at += late
            patience = SLOW_SECONDS if self._is_slow else STALL_SECONDS
            if time.monotonic() - self._answered_at < patience:  # it may be another flight's
                return True
            return self._call(max(1, self._busy))

    @property
    def _is_slow(self) -> bool:
        return self._quickest >= SLOW_SECONDS

    def _answered(self, answers: "list[_Answer]") -> None:
        with self._lock:
            self._answered_at = time.monotonic()
            for answer in answers:
                quickest = min(answer.waited, FORGETS * self._quickest)
                self._quickest = max(quickest, QUICKEST_SECONDS)
                if self._is_slow:
                    self._call(1)

    def _landed(self, flight: "_Flight") -> None:
        with self._lock:
            if flight.stuck:
                self._shift += 1
                self._busy = self._called = self._expected = 0
                self._call(self._first)
            self._first = self._busiest if self._is_slow else max(1, self._busiest // 2)
            self._busiest = self._busy

    @property
    def _others(self) -> int:
        """How many threads more could each begin with a message now."""
        return self._expected + (self._most - self._busy if self._is_slow else 0)

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
        self._expected += called
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
            self._work(_Hand(self._take, called))
            called = self._rest(called)

    def _take(self, hand: "_Hand", *, ahead: bool) -> "Job | None":
        with self._lock:
            if hand.shift != self._shift:
                return None
            self._expected -= hand.is_fresh
            hand.is_fresh = False
            if ahead and self._waiting <= self._others:
                return None
            while self._flights:
                if job := self._flights[0].begin():
                    return job
                self._flights.popleft()
        return None

    def _rest(self, shift: int) -> int | None:
        """Wait for more work; the shift to work in, None to go home."""
        with self._lock:
            if shift != self._shift:
                return None
            if self._waiting:  # it came since
                self._expected += 1
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
        self._done: list[_Answer] = []
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._rings = False  # for the next outcome, not only for the last

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

    def finish(self, job: "Job", answer: "_Answer") -> None:
        """Tell what became of it; too late is not told."""
        with self._lock:
            if job not in self._running:
                return
            self._running.remove(job)
            self._done.append(answer)
            if self._rings or not (self._running or self._waiting):
                self._rings = False
                self._bell.put(None)

    def answers(self, stalled: Callable[[float], bool]) -> "Iterator[list[_Answer]]":
        """What is answered, a few at a time, until all is or time is up. `stalled` is told when
        nothing comes, and how late that was noticed, until it says that nothing more can be done
        about it."""
        told, hopeless = 0, False
        while told < self._size and (left := self._ends - time.monotonic()) > 0:
            if answers := self._gathered(rings=hopeless):
                told += len(answers)
                yield answers
                left = min(GATHER_SECONDS, left)
            elif not hopeless:
                left = min(SLOW_SECONDS, left)
            if told < self._size and (late := self._listen(left)) is not None:
                hopeless = hopeless or not (answers or self._done or stalled(late))

    def _gathered(self, *, rings: bool) -> "list[_Answer]":
        """What nobody was told yet; where that is nothing, whether the next one rings."""
        with self._lock:
            answers, self._done = self._done, []
            self._rings = rings and not answers
            return answers

    def _listen(self, seconds: float) -> float | None:
        """Wait for the bell; None if it rang, or how late we noticed that it did not."""
        began = time.monotonic()
        try:
            self._bell.get(timeout=seconds)
        except Empty:
            return max(0.0, time.monotonic() - began - seconds)
        return None

    def close(self) -> list[Outcome]:
        """Nothing begins any more; returns what is not told yet."""
        with self._lock:
            told = [answer.outcome for answer in self._done]
            late = [self._late(job.message) for job in self._running]
            unsent = [_unsent(message) for message in self._waiting]
            self.stuck = self.stuck or bool(late)
            self._done = []
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


class _Answer(NamedTuple):
    outcome: Outcome
    waited: float  # seconds, for the other side


class Job:
    """A message in the hands of the thread that took it."""

    __slots__ = ("_flight", "message")

    def __init__(self, message: Message, flight: _Flight) -> None:
        self.message = message
        self._flight = flight

    def finish(self, outcome: Outcome, *, waited: float | None = None) -> None:
        """Tell what became of it; too late is not told. `waited` says how long the other side was
        waited for, where that is known better than by how long it took."""
        self._flight.finish(self, _Answer(outcome, outcome.took if waited is None else waited))


class Take(Protocol):
    """Gives the next message, None when there is none; `ahead`, while the last one is still in
    hand, only one that no other thread could begin with."""

    def __call__(self, *, ahead: bool = False) -> Job | None: ...


class _Hand:
    """A thread at work, from when it was called until it finds nothing to do."""

    def __init__(self, take: "Callable[..., Job | None]", shift: int) -> None:
        self.shift = shift
        self.is_fresh = True
        self._take = take

    def __call__(self, *, ahead: bool = False) -> Job | None:
        return self._take(self, ahead=ahead)


def _unsent(message: Message) -> Outcome:
    return Outcome(
        reference=message.reference,
        kind=OutcomeKind.TRANSIENT,
        code="no_turn",
        detail="Its turn had not come at the deadline; it was not sent.",
    )
