"""Bring snoozed items back when their time has come, by the database's clock.

That a snooze is over needs no writing: shelves and counts look at the clock. But open tabs are to
be told, and the item is to stand on top again: it takes a new number, as if it had just come.
"""

from functools import partial

from django.db import connection, transaction

from delivery.inbox import heads, hints
from delivery.inbox.hints import Hint

BATCH = 500
MOST_BATCHES = 20  # at a time: whoever calls has more to do

_DUE = """
    SELECT id, recipient_id FROM inbox_item WHERE snoozed_until <= clock_timestamp()
    ORDER BY snoozed_until, id LIMIT %s
"""
_WAKE = """
    WITH due AS (
        SELECT id, recipient_id, row_number() OVER (
            PARTITION BY recipient_id ORDER BY snoozed_until, seq
        ) AS place
        FROM inbox_item WHERE id = ANY(%(ids)s::uuid[]) AND snoozed_until <= clock_timestamp()
    ), back AS (
        -- The person named this very time, so the item may make itself heard.
        UPDATE inbox_item AS item SET snoozed_until = NULL, silent = false,
            seq = head.seq + due.place, changed_seq = head.seq + due.place
        FROM due, inbox_head AS head
        WHERE item.id = due.id AND head.recipient_id = due.recipient_id
        RETURNING item.recipient_id, item.seq
    )
    UPDATE inbox_head SET seq = reached.seq
    FROM (SELECT recipient_id, max(seq) AS seq FROM back GROUP BY recipient_id) AS reached
    WHERE inbox_head.recipient_id = reached.recipient_id
    RETURNING inbox_head.recipient_id
"""


def wake_due() -> int:
    """Bring back what is due; returns how many inboxes it was for. Any number may do so at once."""
    woken = 0
    for _ in range(MOST_BATCHES):
        with connection.cursor() as cursor:
            cursor.execute(_DUE, [BATCH])
            due = cursor.fetchall()
        if due:
            woken += _wake(dict(due))
        if len(due) < BATCH:
            break
    return woken


@transaction.atomic
def _wake(due: dict[object, int]) -> int:
    heads.lock(sorted(set(due.values())))
    with connection.cursor() as cursor:
        cursor.execute(_WAKE, {"ids": list(due)})
        woken = [recipient for (recipient,) in cursor.fetchall()]
    told = [
        Hint(recipient_id=recipient, seq=head.seq, unread=head.unread, silent=False)
        for recipient, head in heads.read(woken).items()
    ]
    transaction.on_commit(partial(hints.offer, told), robust=True)
    return len(woken)
