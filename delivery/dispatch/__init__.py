"""Send what is due: claim, then per flight mark, seal, hand over, settle.

claim       lease a batch of due rows; their state stays
flight      what really goes out together: all of it, and no more, may be uncertain
mark        commit "may be out from now on"
seal        the last look: a Message, or Withdraw, or Wait
hand over   the provider's send(), in a thread of its own; no transaction is open
settle      what came of it, with its announcement, in one transaction; where the provider surely
            did not take it, the next one of the route is handed it at once
"""

import random
from collections.abc import Sequence
from itertools import groupby

from delivery import queue, registry
from delivery.dispatch import settlement
from delivery.dispatch.dispatcher import POLL_SECONDS, Dispatcher
from delivery.lifecycle import State
from delivery.queue import Settled
from notifysite.plumbing import claims
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
    token = claims.token()
    rows = queue.claim_limbo(token=token, limit=limit)
    if rows:
        reached("recover.claimed")
    lost = [settlement.lost(state, row, token) for state, row in rows]
    by_lane = sorted(_in_calm(lost), key=lambda one: one.row.lane)
    for lane, group in groupby(by_lane, key=lambda one: one.row.lane):
        settlement.write(list(group), lane=lane)
    return len(rows)


# What would be sent again into a storm of crashes may be lost again, and then sent a third time.
# So it waits until nobody has died for as long as a lease, but not for ever.
STORM_SECONDS = 600.0
LOOK_SECONDS = 2.0


def _in_calm(lost: Sequence[Settled]) -> Sequence[Settled]:
    """Those to decide now. While others die, what could become a copy is looked at again soon."""
    doubtful = [one for one in lost if _may_be_copied(one)]
    if not doubtful or not queue.is_stormy():
        return lost
    waits = [LOOK_SECONDS * (1 + random.random()) for _ in doubtful]
    queue.look_again([(one.row.id, one.lease) for one in doubtful], waits=waits)
    left = {one.row.id for one in doubtful}
    return [one for one in lost if one.row.id not in left]


def _may_be_copied(one: Settled) -> bool:
    """Whether it would be sent again, to a provider that folds nothing, and has not waited long."""
    age = (one.row.now - one.row.accepted_at).total_seconds()
    folds = registry.traits(one.provider).idempotent_for > 0
    return one.verdict.state is State.QUEUED and not folds and age < STORM_SECONDS
