"""How much waits, and for how long: counted to a bound, never over a whole table."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from delivery.lifecycle import State
from notifications.words import OPEN, Lane

# Counting stops here: past it the depth is "at least that much".
MOST = 100_000

_OPEN = ", ".join(str(int(status)) for status in OPEN)
_DUE = {
    "audiences": "FROM audience WHERE due_at IS NOT NULL",
    "notifications": f"FROM notification WHERE status IN ({_OPEN}) AND due_at IS NOT NULL",
    "deliveries": f"FROM delivery WHERE state = {State.QUEUED:d}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """One queue: `depth` rows are due, the oldest since `oldest` seconds."""

    kind: str
    lane: Lane
    depth: int
    oldest: float


def queues() -> Sequence[Queue]:
    """Every queue there is, in one query over the partial indexes of what waits."""
    parts = [
        f"""
        SELECT %s::text, %s::int,
            (SELECT count(*) FROM (SELECT {rows} AND {_FALLEN} LIMIT {MOST}) AS waiting),
            (SELECT GREATEST(EXTRACT(epoch FROM clock_timestamp() - min(due_at)), 0)
             {rows} AND {_FALLEN})::float8
        """  # noqa: S608 - conditions of our own
        for rows in _DUE.values()
        for _ in Lane
    ]
    names = [(kind, lane) for kind in _DUE for lane in Lane]
    values = [value for kind, lane in names for value in (kind, int(lane), int(lane), int(lane))]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), values)
        return [
            Queue(kind=kind, lane=Lane(lane), depth=depth, oldest=oldest or 0.0)
            for kind, lane, depth, oldest in cursor.fetchall()
        ]


_FALLEN = "lane = %s AND due_at <= statement_timestamp()"
