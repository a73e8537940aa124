"""What a worker does for a lane: fan out, plan, dispatch, tell; until nothing is due."""

import time
from collections import deque
from collections.abc import Callable
from functools import partial

from celery.worker import state

from delivery import announcements, dispatch
from notifications import looks
from notifications.audiences import expand
from notifications.intake import withdraw
from notifications.planning import plan
from notifications.words import Lane

# A worker gives its nudge back after this long, so that stopping it is quick.
BUDGET_SECONDS = 20.0
# While somebody slow is waited for, the others need not wait, too: it goes on for so much longer.
PATIENCE_SECONDS = 20.0
# While there is more to send, word of what was sent is gathered for so long and told at once.
TELL_SECONDS = 0.1
# So few are answered at once, nearly always: that is waited for before anything else is looked for.
FEW = 10
ANSWER_SECONDS = 0.01


def stopping() -> bool:
    """Whether Celery told this worker to stop: it finishes what is in hand and claims no more."""
    codes: tuple[object, ...] = (state.should_stop, state.should_terminate)
    return any(code is not None and code is not False for code in codes)  # zero is a code too


def fan_out(lane: Lane) -> int:
    """Go on with the lane's audiences: make a chunk of notifications, take back a batch of those
    that were cancelled; returns how many. No other lane has any."""
    return expand.expand_due(lane) + withdraw.withdraw_due(lane) if lane is Lane.BULK else 0


class _Desk:
    """What a worker may turn to next, in a lane; `news` says whether anything waits to be told."""

    def __init__(self, lane: Lane, dispatcher: dispatch.Dispatcher) -> None:
        self.news = False
        self._lane, self._dispatcher = lane, dispatcher
        self._plan = partial(plan.plan_due, lane, taker=dispatcher)
        self._fan_out = partial(fan_out, lane)
        self._sources: deque[Callable[[], int]] = deque(
            [self._fan_out, dispatcher.claim, dispatch.recover, self._plan]
        )
        self._looked = False
        self._last = 0

    @property
    def patience(self) -> float:
        """Seconds for which what is under way should be waited for before more is begun."""
        if not self._dispatcher.idle:
            return dispatch.POLL_SECONDS
        return ANSWER_SECONDS if 0 < self._last < FEW else 0.0

    def work(self) -> int:
        """Do a batch of something that is due; returns how many rows were worked on."""
        self._last = self._work()
        return self._last

    def _work(self) -> int:
        # A nudge nearly always says that somebody waits to be planned: that is done unseen.
        if not self._looked:
            self._looked = True
            if planned := self._plan():
                return planned
        wanted = self._wanted()
        self._sources.rotate()  # so that none waits for the others to be empty
        sources = [source for source in self._sources if source in wanted]
        return next((found for source in sources if (found := source())), 0)

    def _wanted(self) -> list[Callable[[], int]]:
        seen = looks.look(self._lane, channels=self._dispatcher.free_channels())
        self.news = seen.announcements
        chances: list[tuple[bool, Callable[[], int]]] = [
            (seen.notifications, self._plan),
            (seen.deliveries, self._dispatcher.claim),
            (seen.lost, dispatch.recover),
            (self._lane is Lane.BULK, self._fan_out),
        ]
        return [source for likely, source in chances if likely]


def work(
    lane: Lane,
    *,
    budget: float = BUDGET_SECONDS,
    patience: float = PATIENCE_SECONDS,
    stopping: Callable[[], bool] = stopping,
) -> int:
    """Do all that is due in a lane; returns how many rows were worked on.

    Once `budget` seconds have passed, and at most `patience` seconds more in which somebody slow is
    waited for, or the process is `stopping`, nothing more is begun.
    """
    done, until = 0, time.monotonic() + budget
    told_at = time.monotonic()
    with dispatch.Dispatcher(lane) as dispatcher:
        desk = _Desk(lane, dispatcher)
        while not stopping():
            if time.monotonic() >= until + (patience if dispatcher.is_held_up else 0.0):
                break
            worked = dispatcher.land(wait=desk.patience)
            desk.news = desk.news or worked > 0
            found = desk.work() if dispatcher.idle or not worked else 0
            worked += found
            over = not (found or dispatcher.busy)
            if desk.news and (over or not worked or time.monotonic() - told_at > TELL_SECONDS):
                worked += announcements.consume(lane)
                told_at = time.monotonic()
            done += worked
            if not worked and not dispatcher.busy:
                return done
            if not worked:
                done += dispatcher.land(wait=dispatch.POLL_SECONDS)
    return done + announcements.consume(lane)
