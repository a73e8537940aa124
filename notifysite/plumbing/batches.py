"""Work in batches, so that nobody waits for all of it."""

import time
from collections.abc import Callable
from math import inf


def drain(step: Callable[[], int], *, batch: int, until: float = inf) -> int:
    """Repeat a step while it finds whole batches and the monotonic clock is before `until`;
    returns how many it found in all."""
    total = 0
    while True:
        done = step()
        total += done
        if done < batch or time.monotonic() >= until:
            return total
