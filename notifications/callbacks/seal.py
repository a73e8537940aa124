"""The last look at callbacks before they leave, and what they say.

Nothing in one names an address or repeats a word of a message, and of an erased person it names
nobody.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from django.db import connection

from delivery import channels
from delivery.channels import WEBHOOK
from delivery.contracts import Content, Message, Parcel, Sealed, Wait, Withdraw
from delivery.lifecycle import Reason, State
from notifications.callbacks import secrets
from notifications.callbacks.queue import NOBODY
from notifications.words import CallbackEvent, Mode
from notifysite.plumbing.crypto import CryptoError
from notifysite.plumbing.partitions import WITHIN, span
from notifysite.plumbing.statements import Statement

log = structlog.get_logger(__name__)

# Behind the one that tries an endpoint which fails the others wait so long: longer than it takes.
BEHIND = timedelta(seconds=30)


class _Row(NamedTuple):
    """A callback with all it speaks of, in the order of the query's columns."""

    id: UUID
    event: int
    at: datetime
    about: UUID | None
    notification_id: UUID | None
    reason: int | None
    provider: str
    action: int | None
    endpoint: int | None
    url: str
    enabled: bool
    failing: bool
    rests_until: datetime | None
    data_key: bytes
    secret: bytes
    old_secret: bytes | None  # while it holds
    channel: int | None
    request_id: UUID | None
    mode: int | None
    type: str | None
    user_id: str | None
    now: datetime  # by the database


_LOOK = Statement(f"""
    SELECT c.id, c.event, c.at, c.about, c.notification_id, c.reason, c.provider,
        c.action,
        e.id, e.url,
        e.enabled AND (SELECT v.active FROM service AS v WHERE v.id = e.service_id),
        e.failing_since IS NOT NULL, e.rests_until, e.data_key, e.secret,
        CASE WHEN e.old_secret_until > clock_timestamp() THEN e.old_secret END,
        d.channel, n.request_id, n.mode, t.key, r.user_id, clock_timestamp()
    FROM callback AS c
    LEFT JOIN callback_endpoint AS e ON e.id = c.endpoint_id
    LEFT JOIN delivery AS d ON d.id = c.about AND {WITHIN.format(id="d.id")}
    LEFT JOIN notification AS n ON n.id = c.notification_id AND {WITHIN.format(id="n.id")}
    LEFT JOIN notification_type AS t ON t.id = n.type_id
    LEFT JOIN recipient AS r ON r.id = n.recipient_id
    WHERE c.id = ANY(%(ids)s::uuid[]) AND {WITHIN.format(id="c.id")}
    ORDER BY c.id
""")  # noqa: S608

# Whoever has an endpoint locked tries or judges it just now. In id order, as `health` locks them.
_TRY = f"""
    UPDATE callback_endpoint
    SET rests_until = clock_timestamp() + interval '{BEHIND.total_seconds()} seconds'
    WHERE id IN (
        SELECT id FROM callback_endpoint WHERE id = ANY(%s) AND enabled
            AND (rests_until IS NULL OR rests_until <= clock_timestamp())
        ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
    )
    RETURNING id
"""  # noqa: S608 - a constant of ours


def seal(parcels: Sequence[Parcel]) -> dict[UUID, Sealed]:
    """A Message for each callback, or Withdraw, or Wait. Never raises for one of them."""
    ids = [parcel.id for parcel in parcels]
    with connection.cursor() as cursor:
        _LOOK.run(cursor, ids=ids, **span(ids))
        rows = [_Row(*values) for values in cursor.fetchall()]
    sealed: dict[UUID, Sealed] = {id_: Withdraw(reason=Reason.CANCELLED) for id_ in ids}
    ours = _tries(rows)
    for row in rows:
        sealed[row.id] = _stopped(row, ours) or _message(row)
    return sealed


def _tries(rows: Sequence[_Row]) -> set[int]:
    """The failing endpoints of which one callback may leave now, whoever else asks."""
    failing = {row.endpoint for row in rows if row.failing and row.event != CallbackEvent.PING}
    if not failing:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(_TRY, [list(failing)])
        return {id_ for (id_,) in cursor.fetchall()}


def _stopped(row: _Row, ours: set[int]) -> Sealed | None:
    """Why it may not leave now; whoever asks for a ping gets it all the same."""
    if row.endpoint is None:
        return Withdraw(reason=Reason.CANCELLED)
    if row.event == CallbackEvent.PING:
        return None
    if not row.enabled:
        return Withdraw(reason=Reason.ENDPOINT_DISABLED)
    if row.rests_until and row.rests_until > row.now:
        return Wait(until=row.rests_until)
    if row.failing:
        if row.endpoint not in ours:
            return Wait(until=row.now + BEHIND)
        ours.remove(row.endpoint)
    return None


def _message(row: _Row) -> Sealed:
    try:
        signed_with = secrets.read(row.data_key, row.secret, row.old_secret)
    except CryptoError as error:
        log.error("callback_unreadable", delivery=str(row.id), error=type(error).__name__)
        return Withdraw(reason=Reason.RENDER_FAILED)
    return Message(
        reference=row.id,
        notification=row.notification_id or row.id,
        recipient=NOBODY,
        channel=WEBHOOK.number,
        address=row.url,
        content=Content(),
        type=CallbackEvent(row.event).key,
        data=_said(row),
        secrets=signed_with,
        happened_at=row.at,
    )


def _said(row: _Row) -> dict[str, Any]:
    if row.about is None:
        return {}
    state = row.event if row.event in list(State) else None
    return {
        "delivery_id": str(row.about),
        "notification_id": str(row.notification_id),
        "request_id": row.request_id and str(row.request_id),
        "user_id": row.user_id,
        "notification_type": row.type,
        "channel": row.channel and channels.by_number(row.channel).key,
        "status": state and State(state).name.lower(),
        "reason": row.reason and Reason(row.reason).name.lower(),
        "provider": row.provider or None,
        "action": row.action,
        "mode": row.mode and Mode(row.mode).name.lower(),
    }
