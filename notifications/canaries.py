"""Canaries: nudges that are sent whether or not there is work, to see that somebody takes them.

A Celery worker can lose its broker without noticing. Each that was heard of is sent a nudge every
15 seconds; one that takes none, although the broker took them, knows that it is deaf.
"""

import time

from django.conf import settings

from notifications import heartbeats, nudges
from notifications.words import Lane


class Canaries:
    """Sent by whichever pump comes first."""

    def __init__(self) -> None:
        self._next = 0.0  # on the monotonic clock

    def send(self) -> None:
        """Send one per worker, when it is time and no other pump did."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + settings.CANARY_SECONDS
        signs = heartbeats.signs()
        pump = signs.get(heartbeats.PUMP)
        if pump and pump.nudged is not None and pump.nudged < 0.9 * settings.CANARY_SECONDS:
            return
        if all(_taken(lane, signs.get(heartbeats.worker_of(lane))) for lane in Lane):
            heartbeats.nudged()


def _taken(lane: Lane, workers: heartbeats.Sign | None) -> bool:
    # A lane nobody was heard of gets one too: whether the broker takes it is worth knowing.
    wanted = max(1, workers.alive if workers else 0)
    most = settings.NUDGES_KEPT
    return all(nudges.send(lane, enough=most) for _ in range(min(wanted, most)))
