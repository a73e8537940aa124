"""Hand a sealed flight to its provider, in a thread of its own, and gather what it answers.

So a provider that is slow keeps nobody waiting but its own messages. Nothing is read from or
written to our database here: providers that do so are `local`, and called in the dispatcher's own
thread.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue
from typing import Any, cast

import structlog
from django.db import connections

from delivery import registry
from delivery.contracts import Message, Outcome
from delivery.dispatch.flights import Flight
from delivery.errors import Misconfigured
from delivery.lifecycle import OutcomeKind
from delivery.simulation import simulated
from notifysite.plumbing.failpoints import reached

log = structlog.get_logger(__name__)

# A flight is handed over soon after it was marked, or not at all: after a pause of the whole
# machine the rows may be somebody else's. From then on its lease is renewed until it has settled.
HANDOVER_SECONDS = 15


def begin(flight: Flight, landed: "SimpleQueue[Flight]") -> bool:
    """Hand a flight over; True while it is under way, to come back by `landed`."""
    messages, mimicked = _split(flight)
    if messages and not registry.traits(flight.way.alias).local:
        threading.Thread(
            target=_carry, args=(flight, messages, landed), name=f"flight-{flight.way.alias}",
            daemon=True,
        ).start()  # fmt: skip
        _take(flight, mimicked, by=registry.SIMULATOR)
        return True
    _take(flight, messages, by=flight.way.alias)
    _take(flight, mimicked, by=registry.SIMULATOR)
    return False


def _split(flight: Flight) -> tuple[list[Message], list[Message]]:
    """Simulated addresses reach the simulator, whatever the route."""
    if flight.way.alias == registry.TEST:
        return flight.messages, []
    real: list[Message] = []
    mimicked: list[Message] = []
    for message in flight.messages:
        (real if simulated(message.address) is None else mimicked).append(message)
    return real, mimicked


def _carry(flight: Flight, messages: Sequence[Message], landed: "SimpleQueue[Flight]") -> None:
    try:
        _take(flight, messages, by=flight.way.alias)
    finally:
        connections.close_all()  # what a provider of somebody else's may have opened
        landed.put(flight)


def _take(flight: Flight, messages: Sequence[Message], *, by: str) -> None:
    if not messages:
        return
    reached("dispatch.taking_off")
    if clock() - flight.marked_at > HANDOVER_SECONDS:
        log.warning("flight_abandoned", provider=by, deliveries=len(messages))
        for message in messages:
            flight.sealed.pop(message.reference, None)
        return
    if flight.drilled and by == flight.way.alias:
        answers = _failed(messages, OutcomeKind.TRANSIENT, code="drill")
    else:
        answers = outcomes(by, messages)
    for outcome in answers:
        flight.answers.append((by, outcome))


def outcomes(alias: str, messages: Sequence[Message]) -> Iterator[Outcome]:
    """A provider's outcomes; if it breaks half-way the rest simply has no answer."""
    try:
        taker = registry.get(alias)
    except Misconfigured:
        log.error("provider_misconfigured", provider=alias)
        yield from _failed(messages, OutcomeKind.ACCOUNT, code="misconfigured")
        return
    try:
        for outcome in cast("Iterator[Any]", taker.send(messages)):
            if isinstance(outcome, Outcome) and isinstance(outcome.kind, OutcomeKind):
                yield outcome
            else:
                log.error("no_outcome", provider=alias, answer=type(outcome).__name__)
    except Exception as error:  # noqa: BLE001 - a flight must not take the batch down with it
        log.error("provider_broke", provider=alias, error=type(error).__name__)


def _failed(messages: Sequence[Message], kind: OutcomeKind, *, code: str) -> Iterator[Outcome]:
    for message in messages:
        yield Outcome(reference=message.reference, kind=kind, code=code)


# CLOCK_BOOTTIME goes on while the machine sleeps; elsewhere the monotonic clock must do.
clock: Callable[[], float] = (
    (lambda: time.clock_gettime(time.CLOCK_BOOTTIME))
    if hasattr(time, "CLOCK_BOOTTIME")
    else time.monotonic
)
