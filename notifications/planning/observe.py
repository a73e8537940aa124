"""What deliveries tell about notifications: wake waiting steps, and say when all is done."""

from collections.abc import Sequence
from typing import Any

from django.db import connection

from delivery.contracts import Change
from delivery.lifecycle import Reason, State
from notifications.planning import secrets
from notifications.words import AudienceStatus, Status
from notifysite.plumbing.partitions import WITHIN, span

# In id order, as everybody locks notifications.
_LOCK = """
    SELECT id FROM notification WHERE id = ANY(%(ids)s::uuid[]) ORDER BY id FOR NO KEY UPDATE
"""
# A step held without a time waits for exactly this news; one held until a time may be over early.
# The lease goes too: a plan under way has read what was before, and must not be recorded.
_WAKE = """
    UPDATE notification AS n SET due_at = clock_timestamp(), lease = NULL
    FROM decision AS d
    WHERE n.id = ANY(%(ids)s::uuid[]) AND n.status = %(planned)s AND d.id = n.decision_id
        AND d.body @> '[{"outcome": "hold"}]'
"""
_DONE = f"""
    UPDATE notification AS n SET status = %(done)s, due_at = NULL
    FROM decision AS d
    WHERE n.id = ANY(%(ids)s::uuid[]) AND n.status = %(planned)s AND d.id = n.decision_id
        AND NOT d.body @> '[{{"outcome": "hold"}}]'
        AND NOT EXISTS (
            SELECT FROM delivery AS x WHERE x.notification_id = n.id AND x.state IN (1, 2)
                AND {WITHIN.format(id="x.id")}
        )
"""  # noqa: S608


# Withdrawn at the last look, because the audience was cancelled meanwhile.
_WITHDRAWN = f"""
    UPDATE notification AS n SET status = {Status.CANCELLED:d}, reason = {Reason.CANCELLED:d}
    FROM audience AS a
    WHERE n.id = ANY(%(ids)s::uuid[]) AND n.status = %(done)s AND a.id = n.audience_id
        AND a.status = {AudienceStatus.CANCELLED:d}
        AND NOT EXISTS (
            SELECT FROM delivery AS x WHERE x.notification_id = n.id
                AND x.state <> {State.CANCELLED:d} AND {WITHIN.format(id="x.id")}
        )
"""  # noqa: S608


def observe(changes: Sequence[Change]) -> None:
    """Take word of deliveries; runs in the transaction that consumes it."""
    ids = sorted({change.notification_id for change in changes if change.state != State.QUEUED})
    if not ids:
        return
    values: dict[str, Any] = {
        "ids": ids,
        "planned": int(Status.PLANNED),
        "done": int(Status.DONE),
        **span(ids),
    }
    with connection.cursor() as cursor:
        for statement in (_LOCK, _WAKE, _DONE):
            cursor.execute(statement, values)
        if withdrawn := {one.notification_id for one in changes if one.reason == Reason.CANCELLED}:
            cursor.execute(_WITHDRAWN, {**values, "ids": sorted(withdrawn)})
    secrets.wipe(ids)
