"""The queue is the delivery table: claim, mark, settle, each one set-based statement.

A claim is a lease; the mark says "from here on the message may be out"; settle writes what came
of it, guarded by the lease. Rows of a worker that died fall due by themselves: unmarked ones are
simply sent, marked ones are `uncertain`.
"""

from delivery.queue.leasing import claim, due_lanes, free, look_again, mark, release, renew
from delivery.queue.limbo import claim_limbo, is_stormy
from delivery.queue.making import INSERT, cancel, claimed, new
from delivery.queue.rows import BATCH, LANES, Lease, Row, Settled
from delivery.queue.settling import settle

__all__ = [
    "BATCH",
    "INSERT",
    "LANES",
    "Lease",
    "Row",
    "Settled",
    "cancel",
    "claim",
    "claim_limbo",
    "claimed",
    "due_lanes",
    "free",
    "is_stormy",
    "look_again",
    "mark",
    "new",
    "release",
    "renew",
    "settle",
]
