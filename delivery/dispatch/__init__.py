"""Send what is due: claim, then per flight mark, seal, hand over, settle.

claim       lease a batch of due rows; their state stays
flight      what really goes out together: all of it, and no more, may be uncertain
mark        commit "may be out from now on"
seal        the last look: a Message, or Withdraw, or Wait
hand over   the provider's send(), in a thread of its own; no transaction is open
settle      what came of it, with its announcement, in one transaction; where the provider surely
            did not take it, the next one of the route is handed it at once
"""

from itertools import groupby
from uuid import uuid4

from delivery import queue
from delivery.dispatch import settlement
from delivery.dispatch.dispatcher import POLL_SECONDS, Dispatcher
from notifysite.plumbing.failpoints import reached

__all__ = ["POLL_SECONDS", "Dispatcher", "dispatch_due", "recover"]


def dispatch_due(lane: int, *, limit: int = queue.BATCH) -> int:
    """Send one batch of a lane's due deliveries and wait for it; returns how many were claimed."""
    with Dispatcher(lane) as dispatcher:
        claimed = dispatcher.claim(limit=limit)
        while dispatcher.busy:
            dispatcher.land(wait=POLL_SECONDS)
    return claimed


def recover(limit: int = queue.BATCH) -> int:
    """Decide about rows whose answer never came; returns how many."""
    token = uuid4()
    rows = queue.claim_limbo(token=token, limit=limit)
    if rows:
        reached("recover.claimed")
    by_lane = sorted(rows, key=lambda pair: pair[1].lane)
    for lane, group in groupby(by_lane, key=lambda pair: pair[1].lane):
        settlement.write([settlement.lost(state, row, token) for state, row in group], lane=lane)
    return len(rows)
