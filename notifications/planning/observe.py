"""What deliveries tell about notifications: wake waiting steps, and say when all is done."""

from collections.abc import Sequence

from django.db import connection

from delivery.contracts import Change
from delivery.lifecycle import Reason, State
from notifications.planning import secrets
from notifications.words import CALLBACK, AudienceStatus, Status
from notifysite.plumbing.partitions import SINCE, WITHIN, span
from notifysite.plumbing.statements import Statement, array, run_together

# In id order, as everybody locks notifications.
_LOCK = Statement(f"""
    SELECT FROM notification WHERE id = ANY(%(ids)s::uuid[]) AND {WITHIN.format(id="id")}
    ORDER BY id FOR NO KEY UPDATE
""")
# A step held without a time waits for exactly this news; one held until a time may be over early.
# Its lease goes too: a plan under way has read what was before, and must not be recorded. Without a
# decision nothing waits, and nothing was sent that could be over.
_MOVE = Statement(f"""
    WITH standing AS MATERIALIZED (
        SELECT n.id, t.sensitive, n.status = {Status.PLANNED:d} AS planned,
            d.body @> '[{{"outcome": "hold"}}]' AS hold
        FROM notification AS n
        JOIN notification_type AS t ON t.id = n.type_id
        LEFT JOIN decision AS d ON d.id = n.decision_id
        WHERE n.id = ANY(%(ids)s::uuid[]) AND {WITHIN.format(id="n.id")}
    ), woken AS (
        UPDATE notification SET due_at = clock_timestamp(), lease = NULL
        WHERE id = ANY(ARRAY(SELECT id FROM standing WHERE planned AND hold))
            AND {WITHIN.format(id="id")}
    ), done AS (
        UPDATE notification SET status = {Status.DONE:d}, due_at = NULL
        WHERE id = ANY(ARRAY(
            SELECT id FROM standing WHERE planned AND NOT hold AND id <> ALL(ARRAY(
                SELECT notification_id FROM delivery
                WHERE notification_id = ANY(%(ids)s::uuid[]) AND state IN (1, 2)
                    AND {SINCE.format(id="id")}
            ))
        )) AND {WITHIN.format(id="id")}
    )
    SELECT id FROM standing WHERE sensitive
""")  # noqa: S608
# Withdrawn at the last look, because the audience was cancelled meanwhile.
_WITHDRAWN = Statement(f"""
    UPDATE notification AS n SET status = {Status.CANCELLED:d}, reason = {Reason.CANCELLED:d}
    FROM audience AS a
    WHERE n.id = ANY(%(ids)s::uuid[]) AND {WITHIN.format(id="n.id")}
        AND n.status = {Status.DONE:d} AND a.id = n.audience_id
        AND a.status = {AudienceStatus.CANCELLED:d}
        AND n.id <> ALL(ARRAY(
            SELECT notification_id FROM delivery
            WHERE notification_id = ANY(%(ids)s::uuid[]) AND state <> {State.CANCELLED:d}
                AND {SINCE.format(id="id")}
        ))
""")  # noqa: S608


def observe(changes: Sequence[Change]) -> None:
    """Take word of deliveries; runs in the transaction that consumes it."""
    ids = sorted(
        {
            change.notification_id
            for change in changes
            if change.state != State.QUEUED and change.step != CALLBACK
        }
    )
    if not ids:
        return
    moved = {"ids": array(ids), **span(ids)}
    with connection.cursor() as cursor:
        run_together(cursor, (_LOCK, moved), (_MOVE, moved))
        secret = [id_ for (id_,) in cursor.fetchall()]
        if withdrawn := {one.notification_id for one in changes if one.reason == Reason.CANCELLED}:
            _WITHDRAWN.run(cursor, ids=sorted(withdrawn), **span(ids))
    secrets.wipe(secret)
