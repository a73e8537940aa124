"""New rows, and rows that are taken back before anything was sent."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from delivery.contracts import Change
from delivery.lifecycle import State
from delivery.queue.rows import COLUMNS, Row, read
from notifysite.plumbing import claims
from notifysite.plumbing.partitions import WITHIN, span

_NEW = {
    "id": "uuid", "notification_id": "uuid", "recipient_id": "bigint", "address_id": "bigint",
    "address_hash": "bytea", "address_kind": "smallint", "channel": "smallint", "step": "smallint",
    "lane": "smallint", "mode": "smallint", "uncertain": "smallint", "expires_at": "timestamptz",
    "accepted_at": "timestamptz", "person_changed_at": "timestamptz", "lease": "uuid",
}  # fmt: skip
# Queues new deliveries, due now; a part of the statement that plans them. Those with a lease are
# claimed by being made.
INSERT = f"""
    INSERT INTO delivery ({", ".join(_NEW)}, state, attempts, unknowns, provider, due_at)
    SELECT *, {State.QUEUED:d}, 0, 0, '', CASE WHEN u.lease IS NULL THEN clock_timestamp()
        ELSE clock_timestamp() + interval '{claims.LEASE_SECONDS} seconds' END
    FROM unnest({", ".join(f"%({name})s::{kind}[]" for name, kind in _NEW.items())})
        AS u({", ".join(_NEW)})
"""  # noqa: S608 - names of our own columns


def new(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The values of INSERT; keys of the rows are columns of the table."""
    return {name: [row.get(name) for row in rows] for name in _NEW}


def claimed(rows: Iterable[dict[str, Any]], *, now: datetime) -> list[Row]:
    """Those of rows inserted just now that have a lease."""
    fresh = {"attempts": 0, "unknowns": 0, "provider": "", "created_at": now}
    leased = [row | fresh for row in rows if row.get("lease")]
    return read([*[row[name] for name in COLUMNS], now] for row in leased)


def cancel(notification_ids: Sequence[UUID], *, reason: int) -> list[Change]:
    """Withdraw what has not been marked yet; returns what was cancelled."""
    if not notification_ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE delivery SET state = {State.CANCELLED:d}, reason = %(reason)s, due_at = NULL
            WHERE notification_id = ANY(%(ids)s) AND state = {State.QUEUED:d}
                AND {WITHIN.format(id="id")}
            RETURNING id, notification_id, recipient_id, channel, state, reason, provider, mode,
                step
            """,  # noqa: S608
            {"ids": list(notification_ids), "reason": reason, **span(notification_ids)},
        )
        return [Change(*values) for values in cursor.fetchall()]
