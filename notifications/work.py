"""What a worker does for a lane: fan out, plan, dispatch, tell; until nothing is due."""

import time
from collections import deque
from collections.abc import Callable
from functools import partial

from celery.worker import state

from delivery import announcements, dispatch
from notifications.audiences import expand
from notifications.intake import withdraw
from notifications.planning import plan
from notifications.words import Lane

# A worker gives its nudge back after this long, so that stopping it is quick.
BUDGET_SECONDS = 20.0
# While there is more to send, word of what was sent is gathered for so long and told at once.
TELL_SECONDS = 0.1


def stopping() -> bool:
    """Whether Celery told this worker to stop: it finishes what is in hand and claims no more."""
    codes: tuple[object, ...] = (state.should_stop, state.should_terminate)
    return any(code is not None and code is not False for code in codes)  # zero is a code too


def fan_out(lane: Lane) -> int:
    """Go on with the lane's audiences: make a chunk of notifications, take back a batch of those
    that were cancelled; returns how many. No other lane has any."""
    return expand.expand_due(lane) + withdraw.withdraw_due(lane) if lane is Lane.BULK else 0


def work(
    lane: Lane, *, budget: float = BUDGET_SECONDS, stopping: Callable[[], bool] = stopping
) -> int:
    """Do all that is due in a lane; returns how many rows were worked on.

    Once `budget` seconds have passed, or the process is `stopping`, nothing more is begun.
    """
    done, until = dispatch.recover(), time.monotonic() + budget
    told_at = time.monotonic()
    with dispatch.Dispatcher(lane) as dispatcher:
        plan_some = partial(plan.plan_due, lane, taker=dispatcher)
        sources: deque[Callable[[], int]] = deque(
            [plan_some, dispatcher.claim, partial(fan_out, lane)]
        )
        while time.monotonic() < until and not stopping():
            worked = dispatcher.land(wait=0.0 if dispatcher.idle else dispatch.POLL_SECONDS)
            if dispatcher.idle or not worked:
                sources.rotate()  # so that none waits for the others to be empty
                worked += next((found for source in sources if (found := source())), 0)
            if not worked or time.monotonic() - told_at > TELL_SECONDS:
                worked += announcements.consume(lane)
                told_at = time.monotonic()
            done += worked
            if not worked and not dispatcher.busy:
                break
            if not worked:
                done += dispatcher.land(wait=dispatch.POLL_SECONDS)
    return done + announcements.consume(lane)
