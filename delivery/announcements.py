"""Announcements tell the rooms above what became of deliveries, exactly once.

They are written in the transaction of the change, and consumed in one transaction with the
effects of the observers that settings name.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.utils.module_loading import import_string

from delivery.contracts import Change
from delivery.lifecycle import State
from delivery.models import Announcement
from notifysite.plumbing import claims, ids
from notifysite.plumbing.failpoints import reached
from notifysite.plumbing.statements import Statement

log = structlog.get_logger(__name__)

BATCHES = 20

_TELL = Statement("""
    INSERT INTO delivery_announcement (changes, lane)
    VALUES (%(changes)s::jsonb, %(lane)s::smallint)
""")
# The same as a part of the statement that makes the changes, as `moved`: so nothing of them need be
# read and told back. Its columns are those of Change.
TELL = f"""
    INSERT INTO delivery_announcement (changes, lane)
    SELECT jsonb_agg(jsonb_build_array(id, notification_id, recipient_id, channel, state, reason,
        provider, mode, step, queued, called, false, moved)), %(lane)s::smallint
    FROM moved WHERE state <> {State.QUEUED:d} OR called IS NOT NULL
    HAVING count(*) > 0
"""  # noqa: S608 - a number of our own
_TAKE = Statement(
    """
    DELETE FROM delivery_announcement WHERE id IN (
        SELECT id FROM delivery_announcement
        WHERE lane = %(lane)s::smallint AND (%(at)s::bigint IS NULL OR id = %(at)s::bigint)
        ORDER BY id LIMIT %(limit)s::bigint FOR UPDATE SKIP LOCKED
    ) RETURNING changes
""",
    first=claims.LOSABLE,
)

Observer = Callable[[Sequence[Change]], None]


def announce(changes: Sequence[Change], *, lane: int) -> None:
    """Leave word of changes, in the caller's transaction. A row that was not tried and waits on
    is no news."""
    told = [
        _plain(change)
        for change in changes
        if change.state != State.QUEUED or change.call_seconds is not None or change.stopped
    ]
    if told:
        with connection.cursor() as cursor:
            _TELL.run(cursor, changes=json.dumps(told), lane=int(lane))


def announce_by_lane(changes: Iterable[tuple[int, Change]]) -> None:
    """Leave word of changes in several lanes, each with its lane."""
    by_lane: dict[int, list[Change]] = {}
    for lane, change in changes:
        by_lane.setdefault(lane, []).append(change)
    for lane, told in by_lane.items():
        announce(told, lane=lane)


def consume(lane: int) -> int:
    """Hand waiting announcements of a lane to every observer; returns how many changes.

    One that an observer breaks over stays, and keeps none of the others.
    """
    try:
        return _consume(lane, limit=BATCHES)
    except DatabaseError:
        raise
    except Exception as error:  # noqa: BLE001 - else no news of the lane would ever be told
        log.error("observer_broke", lane=lane, error=type(error).__name__)
    waiting = Announcement.objects.filter(lane=lane).order_by("id").values_list("id", flat=True)
    return sum(_consume_alone(lane, id_) for id_ in list(waiting[:BATCHES]))


def _consume_alone(lane: int, id_: int) -> int:
    try:
        return _consume(lane, limit=1, at=id_)
    except DatabaseError:
        raise
    except Exception as error:  # noqa: BLE001 - the others are told all the same
        log.error("announcement_not_told", announcement=id_, error=type(error).__name__)
        return 0


def _consume(lane: int, *, limit: int, at: int | None = None) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        _TAKE.run(cursor, lane=int(lane), at=at, limit=limit)
        changes = [
            _change(values) for (batch,) in cursor.fetchall() for values in json.loads(batch)
        ]
        if not changes:
            return 0
        for observe in _observers():
            observe(changes)
        reached("announce.consumed")
    reached("announce.committed")
    return len(changes)


def waiting_lanes() -> list[int]:
    """Lanes whose announcements wait to be consumed."""
    return list(Announcement.objects.values_list("lane", flat=True).distinct())


def _observers() -> list[Observer]:
    return [cast("Observer", import_string(path)) for path in settings.DELIVERY_OBSERVERS]


def _plain(change: Change) -> list[Any]:
    return [change.delivery_id.hex, change.notification_id.hex, *change[2:]]


def _change(values: list[Any]) -> Change:
    delivery_id, notification_id, *rest = values
    return Change(_id(delivery_id), _id(notification_id), *rest)


def _id(written: str) -> UUID:
    # What was told before an upgrade may have hyphens.
    return ids.of(int(written.replace("-", ""), 16))
