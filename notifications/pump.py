"""The pump nudges lanes whose work is due, and works itself when nobody else does.

It needs neither the broker nor beat, and any number may run. Everything that waits (a retry, a
quiet night, a step an hour later, a snoozed item) leaves because the pump sees that it has fallen
due. Once a minute it keeps house.
"""

import threading
import time
from collections.abc import Callable, Mapping
from functools import partial

import structlog
from django.db import DatabaseError, InterfaceError, connection

from delivery import announcements, dispatch, feedback, queue
from delivery.inbox import waking
from notifications import heartbeats, housekeeping, nudges, work
from notifications.audiences import expand
from notifications.canaries import Canaries
from notifications.orphans import Orphans
from notifications.planning import plan
from notifications.words import Lane
from notifysite.plumbing.outages import is_outage

log = structlog.get_logger(__name__)

EVERY_SECONDS = 1.0
# Work this old is not being taken, although the broker took the nudges.
NEGLECTED_SECONDS = 15.0
# The pump works in slices, so that it sees every lane again soon.
SLICE_SECONDS = 2.0


def run(stop: threading.Event) -> None:
    """Pump until `stop` is set; a lost database is waited for."""
    house, canaries, orphans = housekeeping.Minutes(), Canaries(), Orphans()
    while not stop.is_set():
        began = time.monotonic()
        try:
            orphans.free()
            tick(stopping=stop.is_set)
            _alone("canaries", canaries.send)
            _alone("house", house.keep)
        except (DatabaseError, InterfaceError) as error:
            if not is_outage(error):
                raise
            log.warning("pump_without_database", error=type(error).__name__)
            connection.close()
        stop.wait(max(0.0, EVERY_SECONDS - (time.monotonic() - began)))


def tick(*, stopping: Callable[[], bool] = lambda: False) -> None:
    """One look at every lane; nothing more is begun once the process is `stopping`."""
    heartbeats.beat(heartbeats.PUMP)
    for deed in (dispatch.recover, feedback.match_parked, waking.wake_due):
        _alone(deed.__name__, deed)
    for lane, age in sorted(due().items()):
        if age > NEGLECTED_SECONDS or not nudges.send(lane):
            _work(lane, stopping)


def _work(lane: Lane, stopping: Callable[[], bool]) -> None:
    """Work a slice."""
    _alone(
        lane.name.lower(),
        partial(work.work, lane, budget=SLICE_SECONDS, patience=0.0, stopping=stopping),
    )


def _alone(name: str, deed: Callable[[], object]) -> None:
    """What breaks in one must not keep the others waiting."""
    try:
        deed()
    except Exception as error:
        if is_outage(error):
            raise
        log.exception("pump_broke", at=name)


def due() -> Mapping[Lane, float]:
    """Lanes with due work, and the age of the oldest in seconds."""
    ages: dict[Lane, float] = {}
    waiting = [(lane, 0.0) for lane in announcements.waiting_lanes()]
    found = [*expand.due_lanes(), *plan.due_lanes(), *queue.due_lanes(), *waiting]
    for lane, age in found:
        ages[Lane(lane)] = max(age, ages.get(Lane(lane), 0.0))
    return ages
