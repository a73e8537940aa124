"""The number on an app's icon: what its person has not read yet."""

from collections.abc import Mapping
from uuid import UUID

from django.db import connection

from delivery import channels
from delivery.inbox.heads import MOST_COUNTED, UNREAD
from delivery.lifecycle import State
from notifysite.plumbing.partitions import WITHIN, span
from notifysite.plumbing.statements import Statement

# An item that leaves together with the push may be stored a moment after it: it counts as unread.
_READ = Statement(f"""
    SELECT wanted.notification_id, {UNREAD} + own.coming
    FROM unnest(%(notifications)s::uuid[], %(recipients)s::bigint[])
        AS wanted (notification_id, recipient_id)
    LEFT JOIN inbox_head AS head ON head.recipient_id = wanted.recipient_id AND head.seq > 0
    CROSS JOIN LATERAL (
        SELECT count(*) AS coming FROM delivery AS d
        WHERE d.notification_id = wanted.notification_id AND {WITHIN.format(id="d.id")}
            AND d.channel = {channels.IN_APP.number}
            AND d.state IN ({State.QUEUED:d}, {State.SENDING:d})
            AND NOT EXISTS (SELECT FROM inbox_item AS stored WHERE stored.id = d.id)
    ) AS own
    WHERE head.recipient_id IS NOT NULL OR own.coming > 0
""")  # noqa: S608


def read(people: Mapping[UUID, int]) -> dict[UUID, int]:
    """The number that goes with each notification, given whose it is, in one query.

    Missing where the person's inbox never held anything: their app counts by itself, or not at all.
    """
    if not people:
        return {}
    with connection.cursor() as cursor:
        _READ.run(
            cursor,
            notifications=list(people),
            recipients=list(people.values()),
            most=MOST_COUNTED,
            **span(people),
        )
        return dict(cursor.fetchall())
