"""Signs of life that processes leave in the database, on its clock."""

import os
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection
from django.db.models.functions import Now

from delivery.models import Heartbeat
from notifications.words import Lane

PUMP = "pump"
# Whoever was not heard of for so long is gone.
GONE_SECONDS = 30


def worker_of(lane: Lane) -> str:
    """The kind of a process that takes the nudges of a lane."""
    return f"worker-{lane.name.lower()}"


def beat(*kinds: str, took: float | None = None) -> None:
    """Leave a heartbeat of this process for each kind; `took`: a nudge, so many seconds ago."""
    consumed = None if took is None else Now() - timedelta(seconds=took)
    Heartbeat.objects.bulk_create(
        [Heartbeat(name=_name(kind), kind=kind, at=Now(), consumed_at=consumed) for kind in kinds],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["at", *(["consumed_at"] if took is not None else [])],
    )


def leave(kinds: Iterable[str]) -> None:
    """Take this process's heartbeats away: it ends, and nobody need miss it."""
    Heartbeat.objects.filter(name__in=[_name(kind) for kind in kinds]).delete()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """What the processes of a kind left, in seconds ago.

    `alive` were heard of lately; when any last took a nudge, and when the broker last took a
    nudge for every lane from any; None if never. Of the dead that counts too.
    """

    alive: int
    age: float
    took: float | None
    nudged: float | None


_SIGNS = f"""
    SELECT kind, count(*) FILTER (WHERE at > clock_timestamp() - interval '{GONE_SECONDS} seconds'),
        EXTRACT(epoch FROM clock_timestamp() - max(at))::float8,
        EXTRACT(epoch FROM clock_timestamp() - max(consumed_at))::float8,
        EXTRACT(epoch FROM clock_timestamp() - max(nudged_at))::float8
    FROM heartbeat GROUP BY kind ORDER BY kind
"""  # noqa: S608 - a number of our own


def signs() -> Mapping[str, Sign]:
    """Of each kind that left any."""
    with connection.cursor() as cursor:
        cursor.execute(_SIGNS)
        return {
            kind: Sign(alive=alive, age=age, took=took, nudged=nudged)
            for kind, alive, age, took, nudged in cursor.fetchall()
        }


def nudged() -> None:
    """Note that the broker took from this pump a nudge for every lane."""
    Heartbeat.objects.filter(name=_name(PUMP)).update(nudged_at=Now())


def _name(kind: str) -> str:
    return f"{kind}@{socket.gethostname()}:{os.getpid()}"
