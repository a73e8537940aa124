"""One look at what is due in a lane: a single statement, which takes nothing and locks nothing.

To try each source in turn costs a worker several times as much, and nearly always finds nothing.
"""

from collections.abc import Collection
from typing import NamedTuple

from django.db import connection

from delivery.lifecycle import State
from notifications.words import OPEN, Lane
from notifysite.plumbing.statements import Statement


class Seen(NamedTuple):
    """What there is to do, though others may have it in hand: notifications to plan, deliveries to
    send, announcements to tell, in this lane; and, in any, deliveries whose answer never came."""

    notifications: bool
    deliveries: bool
    announcements: bool
    lost: bool


_LOOK = Statement(f"""
    SELECT EXISTS (
        SELECT FROM notification WHERE lane = %(lane)s::smallint
            AND status IN ({", ".join(str(int(status)) for status in OPEN)})
            AND due_at <= statement_timestamp()
    ), EXISTS (
        SELECT FROM unnest(%(channels)s::smallint[]) AS c(channel), LATERAL (
            SELECT FROM delivery AS t
            WHERE t.lane = %(lane)s::smallint AND t.channel = c.channel
                AND t.state = {State.QUEUED:d} AND t.due_at <= statement_timestamp()
            LIMIT 1
        ) AS due
    ), EXISTS (
        SELECT FROM delivery_announcement WHERE lane = %(lane)s::smallint
    ), EXISTS (
        SELECT FROM delivery WHERE state IN ({State.SENDING:d}, {State.UNCERTAIN:d})
            AND due_at <= statement_timestamp()
    )
""")  # noqa: S608 - numbers of our own


def look(lane: Lane, *, channels: Collection[int]) -> Seen:
    """What there is to do in a lane; of deliveries only those of these channels count."""
    with connection.cursor() as cursor:
        _LOOK.run(cursor, lane=int(lane), channels=list(channels))
        return Seen(*cursor.fetchone())
