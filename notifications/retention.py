"""Months that are too old are dropped whole, once nothing in them is open; and what belonged to
them in plain tables follows, in batches.

How long is `RETENTION_MONTHS`: full months before this one, 0 for ever.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from math import inf
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from delivery.lifecycle import State
from notifications.words import OPEN
from notifysite.plumbing import audit, ids, partitions
from notifysite.plumbing.batches import drain
from notifysite.plumbing.partitions import Busy, Month

BATCH = 5_000
MOST_COUNTED = 1_000

BUSY = "its tables were in use for longer than others may wait for us; it is tried again"
# Notifications are locked before deliveries, everywhere.
_FIRST = ("notification", "delivery")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_OPEN = ", ".join(str(int(status)) for status in OPEN)
_NOTIFICATIONS = f"""
    SELECT id FROM notification
    WHERE status IN ({_OPEN}) AND id >= %(start)s AND id < %(end)s LIMIT %(limit)s
"""  # noqa: S608
_DELIVERIES = f"""
    SELECT id FROM delivery
    WHERE state = {State.QUEUED:d} AND id >= %(start)s AND id < %(end)s
    UNION ALL
    SELECT id FROM delivery
    WHERE state IN ({State.SENDING:d}, {State.UNCERTAIN:d}) AND due_at IS NOT NULL
        AND id >= %(start)s AND id < %(end)s
    LIMIT %(limit)s
"""  # noqa: S608
# Those whose notifications are not all made, or taken back, belong to the month of the request.
_AUDIENCES = """
    SELECT request_id FROM audience
    WHERE due_at IS NOT NULL AND request_id >= %(start)s AND request_id < %(end)s LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Aged:
    """A month past the limit, and why it stays; empty when it goes, or is gone."""

    month: Month
    stays: str = ""


def limit(now: datetime) -> datetime | None:
    """The start of the first month that is not too old; None if none ever is."""
    kept = settings.RETENTION_MONTHS
    return partitions.months(now, behind=kept)[0][0] if kept else None


def look(now: datetime) -> list[Aged]:
    """What `drop` would do, oldest first."""
    return [Aged(month, _open_in(month)) for month in _past_limit(now)]


def drop(now: datetime, *, actor: str) -> list[Aged]:
    """Drop the months past the limit, each in a transaction of its own; says which stayed."""
    return [Aged(month, _drop(month, actor)) for month in _past_limit(now)]


def _past_limit(now: datetime) -> list[Month]:
    first = limit(now)
    return [month for month in partitions.existing() if first and month.start < first]


def _drop(month: Month, actor: str) -> str:
    if stays := _open_in(month):
        return stays
    try:
        with transaction.atomic():
            partitions.lock(month, first=_FIRST)
            # Until now it may have been replayed.
            if stays := _open_in(month):
                return stays
            partitions.drop(month)
            audit.record(
                actor=actor,
                action="month.dropped",
                target=f"month:{month}",
                detail={piece.table: piece.size for piece in month.pieces},
            )
    except Busy:
        return BUSY
    return ""


def _open_in(month: Month) -> str:
    """What is open in a month, in words; looked up in the indexes of what is open."""
    found = {
        "audience": _find(_AUDIENCES, month),
        "notification": _find(_NOTIFICATIONS, month),
        "delivery": _find(_DELIVERIES, month),
    }
    return "; ".join(_told(word, open_) for word, open_ in found.items() if open_)


def _find(statement: str, month: Month) -> list[UUID]:
    bounds = {"start": ids.floor(month.start), "end": ids.floor(month.end)}
    with connection.cursor() as cursor:
        cursor.execute(statement, {**bounds, "limit": MOST_COUNTED})
        return [id_ for (id_,) in cursor.fetchall()]


def _told(word: str, found: list[UUID]) -> str:
    count = "1,000 or more" if len(found) == MOST_COUNTED else str(len(found))
    words = f"{word} is" if len(found) == 1 else _PLURALS[word]
    return f"{count} {words} still open, oldest {min(found)}"


_PLURALS = {
    "audience": "audiences are",
    "notification": "notifications are",
    "delivery": "deliveries are",
}

# An item has its delivery's id, so the ids of a month name them.
_ITEMS = """
    DELETE FROM inbox_item WHERE id IN (
        SELECT id FROM inbox_item WHERE id >= %(start)s AND id < %(end)s ORDER BY id LIMIT %(batch)s
    )
"""
# One that is not finished keeps its month, and what is finished has no members any more.
_OLD_AUDIENCES = """
    DELETE FROM audience WHERE id IN (
        SELECT id FROM audience
        WHERE request_id >= %(start)s AND request_id < %(end)s AND due_at IS NULL
        ORDER BY request_id LIMIT %(batch)s
    )
"""
# What was to wait until a time is never decided after it. The other decisions are few, as one body
# serves all that were decided alike, and stay.
_DECISIONS = """
    DELETE FROM decision WHERE id IN (
        SELECT id FROM decision
        WHERE created_at < %(oldest)s AND jsonb_path_exists(body, '$[*].until ? (@ != null)')
            AND NOT EXISTS (
                SELECT FROM jsonb_array_elements(body) AS step
                WHERE (step ->> 'until')::timestamptz >= %(oldest)s
            )
        ORDER BY created_at LIMIT %(batch)s
    )
"""
# Whatever names an address was planned while it was in use.
_ADDRESSES = """
    DELETE FROM address WHERE id IN (
        SELECT id FROM address WHERE retired_at < %(oldest)s LIMIT %(batch)s
    )
"""


def sweep(now: datetime, *, until: float = inf) -> dict[str, int]:
    """Delete what months that are gone left in plain tables, until a monotonic time; returns how
    many rows of each kind."""
    first, months = limit(now), partitions.existing()
    if first is None:
        return {}
    oldest = min([first, *(month.start for month in months)])
    swept = {"inbox_items": 0, "audiences": 0}
    for start, end in _gaps(months, before=first):
        bounds = {"start": ids.floor(start), "end": ids.floor(end)}
        swept["inbox_items"] += _delete(_ITEMS, bounds, until)
        swept["audiences"] += _delete(_OLD_AUDIENCES, bounds, until)
    swept["decisions"] = _delete(_DECISIONS, {"oldest": oldest}, until)
    swept["addresses"] = _delete(_ADDRESSES, {"oldest": oldest}, until)
    return swept


def _gaps(months: list[Month], *, before: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The spans in which there is no month, up to a limit."""
    kept = [(month.start, month.end) for month in months if month.start < before]
    for (_, start), (end, _) in pairwise([(_EPOCH, _EPOCH), *kept, (before, before)]):
        if start < end:
            yield start, end


def _delete(statement: str, values: Mapping[str, Any], until: float) -> int:
    def step() -> int:
        with connection.cursor() as cursor:
            cursor.execute(statement, {**values, "batch": BATCH})
            return int(cursor.rowcount)

    return drain(step, batch=BATCH, until=until)
