"""Read notifications back: what became of them, two queries for any number."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from delivery import channels
from delivery.lifecycle import Reason, State
from notifications.models import Notification
from notifications.words import Priority, Status
from notifysite.plumbing import ids
from notifysite.plumbing.partitions import WITHIN, span


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which notifications; `service_id` None means those of all services.

    `below` and `above` bound the ids of a page; `above` reads from the oldest end.
    """

    service_id: int | None
    since: datetime
    until: datetime | None = None
    user_id: str | None = None
    type: str | None = None
    request_id: UUID | None = None
    status: Status | None = None
    channel: int | None = None
    below: UUID | None = None
    above: UUID | None = None


# A story lies in one month of the id, so bounds on the id leave the other months unread.
_CLAUSES = {
    "service_id": "n.service_id = %(service_id)s",
    "since": "n.id >= %(since)s",
    "until": "n.id < %(until)s",
    "user_id": "n.recipient_id = (SELECT id FROM recipient WHERE user_id = %(user_id)s)",
    "type": "n.type_id = (SELECT id FROM notification_type WHERE key = %(type)s)",
    "request_id": "n.request_id = %(request_id)s AND n.id >= %(first)s AND n.id <= %(last)s",
    "status": "n.status = %(status)s",
    "channel": "EXISTS (SELECT FROM delivery AS x WHERE x.notification_id = n.id"
    " AND x.channel = %(channel)s AND x.id >= %(since)s)",
    "below": "n.id < %(below)s",
    "above": "n.id > %(above)s",
}
_NOTIFICATIONS = """
    SELECT n.id, n.request_id, t.key, r.user_id, n.status, n.priority, n.created_at, n.send_at,
        n.expires_at, n.attachments, COALESCE(d.body, '[]'::jsonb)::text
    FROM notification AS n
    JOIN notification_type AS t ON t.id = n.type_id
    LEFT JOIN recipient AS r ON r.id = n.recipient_id
    LEFT JOIN decision AS d ON d.id = n.decision_id
"""
_DELIVERIES = f"""
    SELECT d.notification_id, d.id, d.channel, d.state, d.reason, d.provider, d.attempts,
        CASE WHEN d.state = 1 THEN d.due_at END, d.sent_at, d.delivered_at, e.opened_at,
        e.clicked_at, e.seen_at, e.read_at
    FROM delivery AS d LEFT JOIN delivery_engagement AS e
        ON e.id = d.id AND {WITHIN.format(id="e.id")}
    WHERE d.notification_id = ANY(%(ids)s::uuid[]) AND {WITHIN.format(id="d.id")}
    ORDER BY d.created_at, d.step, d.id
"""  # noqa: S608
_TIMES = (
    "due_at", "sent_at", "delivered_at", "opened_at", "clicked_at", "seen_at", "read_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Page:
    """Notifications as the API shows them, newest first; `more` in the direction that was read."""

    rows: Sequence[dict[str, Any]]
    more: bool


def page(wanted: Wanted, *, size: int) -> Page:
    """One page of what is wanted."""
    values = _values(wanted)
    where = " AND ".join(_CLAUSES[name] for name in values)
    order = "ASC" if wanted.above else "DESC"
    sql = f"{_NOTIFICATIONS} WHERE {where} ORDER BY n.id {order} LIMIT %(size)s"
    first, last = ids.siblings(wanted.request_id) if wanted.request_id else (None, None)
    found = _rows(sql, {**values, "size": size + 1, "first": first, "last": last})
    rows = found[:size]
    if wanted.above:
        rows.reverse()
    return Page(_with_deliveries(rows), len(found) > size)


def one(id_: UUID, *, service_id: int | None) -> dict[str, Any] | None:
    """A notification as the API shows it; None where that service did not send it."""
    return next(iter(several([id_], service_id=service_id)), None)


def several(ids_: Iterable[UUID], *, service_id: int | None) -> list[dict[str, Any]]:
    """Notifications by id, newest first."""
    mine = "" if service_id is None else "AND n.service_id = %(service)s"
    sql = f"{_NOTIFICATIONS} WHERE n.id = ANY(%(ids)s::uuid[]) {mine} ORDER BY n.id DESC"
    return _with_deliveries(_rows(sql, {"ids": list(ids_), "service": service_id}))


def exists(id_: UUID, *, service_id: int | None) -> bool:
    """Whether that service sent it; None asks for any service."""
    mine = Notification.objects.filter(id=id_)
    return (mine if service_id is None else mine.filter(service_id=service_id)).exists()


def _values(wanted: Wanted) -> dict[str, Any]:
    said = {name: getattr(wanted, name) for name in _CLAUSES}
    said["since"] = ids.floor(wanted.since)
    said["until"] = wanted.until and ids.floor(wanted.until)
    return {name: value for name, value in said.items() if value is not None}


def _rows(sql: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [_notification(*row) for row in cursor.fetchall()]


def _notification(*row: Any) -> dict[str, Any]:
    (
        id_, request_id, kind, user_id, status, priority, created_at, send_at, expires_at, files,
        body,
    ) = row  # fmt: skip
    return {
        "id": id_,
        "request_id": request_id,
        "type": kind,
        "user_id": user_id or "",
        "status": Status(status).name.lower(),
        "priority": Priority(priority).name.lower(),
        "created_at": created_at,
        "send_at": send_at,
        "expires_at": expires_at,
        "decision": json.loads(body),
        **({"attachments": files} if files else {}),
    }


def _with_deliveries(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found: dict[UUID, list[dict[str, Any]]] = {row["id"]: [] for row in rows}
    if not found:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_DELIVERIES, {"ids": list(found), **span(found)})
        for notification, *values in cursor.fetchall():
            found[notification].append(_delivery(*values))
    return [row | {"deliveries": found[row["id"]]} for row in rows]


def _delivery(*row: Any) -> dict[str, Any]:
    id_, channel, state, reason, provider, attempts, *times = row
    return {
        "id": id_,
        "channel": channels.by_number(channel).key,
        "status": State(state).name.lower(),
        "reason": Reason(reason).name.lower() if reason else None,
        "provider": provider or None,
        "attempts": attempts,
        **dict(zip(_TIMES, times, strict=True)),
    }
