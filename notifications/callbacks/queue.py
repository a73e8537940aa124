"""Queue callbacks: each is a delivery on the webhook channel that stands for itself.

It is of no notification and to no person: its `notification_id` is its own id, its recipient is
nobody. So whatever asks for the deliveries of a notification or a person never meets one.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from delivery import queue
from delivery.channels import WEBHOOK
from delivery.lifecycle import Uncertain
from notifications.words import CALLBACK, CallbackEvent, Lane, Mode
from notifysite.plumbing.statements import Statement

NOBODY = 0


class Telling(NamedTuple):
    """What is told whom, in which lane."""

    id: UUID
    endpoint_id: int
    event: CallbackEvent
    lane: Lane
    at: datetime
    about: UUID | None = None
    notification_id: UUID | None = None
    reason: int | None = None
    provider: str = ""
    action: int | None = None


# One that has the id of another is the same one, and is not queued again.
_PUT = Statement(f"""
    WITH fresh AS (
        INSERT INTO callback
            (id, endpoint_id, event, about, notification_id, reason, provider, action, at)
        SELECT * FROM unnest(%(id)s::uuid[], %(endpoints)s::bigint[], %(events)s::smallint[],
            %(abouts)s::uuid[], %(notifications)s::uuid[], %(reasons)s::smallint[],
            %(providers)s::text[], %(actions)s::smallint[], %(ats)s::timestamptz[]) AS c(id)
        ORDER BY c.id
        ON CONFLICT (id) DO NOTHING
        RETURNING id
    )
    {queue.INSERT} WHERE (u.id IN (SELECT id FROM fresh)) IS TRUE
""")  # noqa: S608 - names of our own columns


def put(tellings: Sequence[Telling]) -> int:
    """Queue callbacks, in the caller's transaction; returns how many were not there before."""
    if not tellings:
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone()
        rows = queue.new([_delivery(one, now) for one in tellings])
        _PUT.run(cursor, **rows, **_columns(tellings))
        return int(cursor.rowcount)


def _columns(tellings: Sequence[Telling]) -> dict[str, list[Any]]:
    return {
        "endpoints": [one.endpoint_id for one in tellings],
        "events": [int(one.event) for one in tellings],
        "abouts": [one.about for one in tellings],
        "notifications": [one.notification_id for one in tellings],
        "reasons": [one.reason for one in tellings],
        "providers": [one.provider for one in tellings],
        "actions": [one.action for one in tellings],
        "ats": [one.at for one in tellings],
    }


def _delivery(one: Telling, now: datetime) -> dict[str, Any]:
    return {
        "id": one.id,
        "notification_id": one.id,
        "recipient_id": NOBODY,
        "channel": WEBHOOK.number,
        "step": CALLBACK,
        "lane": int(one.lane),
        # What test keys send is told for real: whoever tests wants to see it come in.
        "mode": int(Mode.LIVE),
        "uncertain": int(Uncertain.RESEND),
        "accepted_at": now,
        "person_changed_at": now,
    }
