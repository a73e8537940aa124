"""Announcements tell the rooms above what became of deliveries, exactly once.

They are written in the transaction of the change, and consumed in one transaction with the
effects of the observers that settings name.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import astuple
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.utils.module_loading import import_string

from delivery.contracts import Change
from delivery.lifecycle import State
from delivery.models import Announcement

BATCHES = 20

Observer = Callable[[Sequence[Change]], None]


def announce(changes: Sequence[Change], *, lane: int) -> None:
    """Leave word of changes, in the caller's transaction. A row that was not tried and waits on
    is no news."""
    told = [
        _plain(change)
        for change in changes
        if change.state != State.QUEUED or change.call_seconds is not None
    ]
    if told:
        Announcement.objects.create(changes=told, lane=lane)


def consume(lane: int) -> int:
    """Hand waiting announcements of a lane to every observer; returns how many changes."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """
            DELETE FROM delivery_announcement WHERE id IN (
                SELECT id FROM delivery_announcement WHERE lane = %s
                ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
            ) RETURNING changes
            """,
            [int(lane), BATCHES],
        )
        changes = [
            _change(values) for (batch,) in cursor.fetchall() for values in json.loads(batch)
        ]
        if changes:
            for observe in _observers():
                observe(changes)
    return len(changes)


def waiting_lanes() -> list[int]:
    """Lanes whose announcements wait to be consumed."""
    return list(Announcement.objects.values_list("lane", flat=True).distinct())


def _observers() -> list[Observer]:
    return [cast("Observer", import_string(path)) for path in settings.DELIVERY_OBSERVERS]


def _plain(change: Change) -> list[Any]:
    return [
        str(value) if isinstance(value, UUID | datetime) else value for value in astuple(change)
    ]


def _change(values: list[Any]) -> Change:
    delivery_id, notification_id, *rest = values
    return Change(UUID(delivery_id), UUID(notification_id), *rest)
