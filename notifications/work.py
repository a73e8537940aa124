"""What a worker does for a lane: plan, dispatch, tell; until nothing is due."""

import os
import socket
import time

from django.db.models.functions import Now

from delivery import announcements, dispatch
from delivery.models import Heartbeat
from notifications.planning import plan
from notifications.words import Lane

# A worker gives its nudge back after this long, so that stopping it is quick.
BUDGET_SECONDS = 20.0


def work(lane: Lane, *, budget: float = BUDGET_SECONDS) -> int:
    """Do all that is due in a lane; returns how many rows were worked on."""
    done, until = 0, time.monotonic() + budget
    dispatch.recover()
    while worked := once(lane):
        done += worked
        if time.monotonic() > until:
            break
    return done


def once(lane: Lane) -> int:
    """One batch of each kind of work of a lane."""
    planned = plan.plan_due(lane)
    sent = dispatch.dispatch_due(lane)
    told = announcements.consume(lane)
    return planned + sent + told


def beat(kind: str, *, consumed: bool = False) -> None:
    """Leave a heartbeat of this process; `consumed`: it has just taken a nudge."""
    name = f"{kind}@{socket.gethostname()}:{os.getpid()}"
    Heartbeat.objects.update_or_create(
        name=name,
        defaults={"kind": kind, "at": Now()} | ({"consumed_at": Now()} if consumed else {}),
    )
