"""Where each inbox stands: the last number given out, and how many items are unread."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from notifysite.plumbing.statements import Statement

# A person with more unread items than this is told this number: counting must stay cheap.
MOST_COUNTED = 10_000

# Sent together; the second sees what the first, or somebody else, has made.
_LOCK = """
    INSERT INTO inbox_head (recipient_id, seq)
    SELECT id, 0 FROM unnest(%(recipients)s::bigint[]) AS wanted (id) ORDER BY id
    ON CONFLICT (recipient_id) DO NOTHING;
    SELECT clock_timestamp() FROM inbox_head WHERE recipient_id = ANY(%(recipients)s::bigint[])
    ORDER BY recipient_id FOR NO KEY UPDATE
"""
# How many items of the person of a `head` are unread.
UNREAD = """(
    SELECT count(*) FROM (
        SELECT FROM inbox_item AS item
        WHERE item.recipient_id = head.recipient_id
            AND item.read_at IS NULL AND item.archived_at IS NULL
            AND (item.expires_at IS NULL OR item.expires_at > clock_timestamp())
            AND (item.snoozed_until IS NULL OR item.snoozed_until <= clock_timestamp())
        LIMIT %(most)s::bigint
    ) AS unread
)"""
_READ = Statement(f"""
    SELECT head.recipient_id, head.seq, {UNREAD}
    FROM inbox_head AS head WHERE head.recipient_id = ANY(%(recipients)s::bigint[])
""")  # noqa: S608


@dataclass(frozen=True, slots=True)
class Head:
    """The last number given to an item or a change, and the number of unread items."""

    seq: int = 0
    unread: int = 0


def lock(recipient_ids: Sequence[int]) -> datetime:
    """Hold these inboxes, in id order, until the transaction ends; numbers are given under it.

    An inbox without a head gets one. Returns the database's time.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, {"recipients": sorted(recipient_ids)})
        moment: datetime = cursor.fetchall()[-1][0]
    return moment


def read(recipient_ids: Iterable[int]) -> dict[int, Head]:
    """The heads of these inboxes, in one query; one that never held anything is missing."""
    with connection.cursor() as cursor:
        _READ.run(cursor, most=MOST_COUNTED, recipients=list(recipient_ids))
        return {id: Head(seq, unread) for id, seq, unread in cursor.fetchall()}


def read_one(recipient_id: int) -> Head:
    """The head of one inbox; zeros if it never held anything."""
    return read([recipient_id]).get(recipient_id, Head())
