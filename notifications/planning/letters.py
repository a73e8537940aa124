"""A delivery with its notification and its reader: what the last look reads, in one query."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from delivery.contracts import Parcel
from notifications.catalog import types
from notifications.planning import readers
from notifications.planning.facts import COLUMNS, Due
from notifications.planning.readers import Reader
from notifysite.plumbing import claims
from notifysite.plumbing.partitions import SINCE, WITHIN, span
from notifysite.plumbing.statements import Statement


class Row(NamedTuple):
    """A delivery as the last look finds it, in the order of the query's columns."""

    id: UUID
    step: int
    channel: int
    subject: UUID
    person_changed: bool
    suppressed: bool
    address_retired: bool
    seen: bool
    key_live: bool
    status: int
    address: bytes | None
    registered_at: datetime | None
    secret: bytes | None
    quiet_hours: str | None
    paused_until: datetime | None
    type_changed_at: datetime
    now: datetime  # by the database


_LOOK = Statement(f"""
    SELECT d.id, d.step, d.channel, r.subject,
        d.person_changed_at <> r.changed_at,
        s.id IS NOT NULL,
        d.address_id IS NOT NULL AND (a.id IS NULL OR a.retired_at IS NOT NULL),
        EXISTS (SELECT FROM delivery_engagement AS e
                WHERE e.notification_id = d.notification_id AND e.seen_at IS NOT NULL
                AND {SINCE.format(id="e.id")}),
        -- Not joined: the more is joined, the longer the planner ponders in which order.
        (SELECT k.revoked_at IS NULL AND v.active
            FROM api_key AS k JOIN service AS v ON v.id = k.service_id WHERE k.id = n.key_id),
        n.status, a.value, a.created_at, a.secret, r.quiet_hours::text, r.paused_until,
        {types.STAMP.format(id="n.type_id")}, clock_timestamp(),
        r.id, r.user_id, r.data_key, r.profile, r.locale, r.timezone,
        {claims.columns(COLUMNS, "n")}
    FROM delivery AS d
    JOIN notification AS n ON n.id = d.notification_id
        AND n.id = ANY(%(notifications)s::uuid[]) AND {WITHIN.format(id="n.id")}
    JOIN recipient AS r ON r.id = d.recipient_id
    LEFT JOIN address AS a ON a.id = d.address_id
    LEFT JOIN suppression AS s ON s.channel = d.channel AND s.address_hash = d.address_hash
        AND (s.expires_at IS NULL OR s.expires_at > clock_timestamp())
    WHERE d.id = ANY(%(ids)s::uuid[]) AND {WITHIN.format(id="d.id")}
""")  # noqa: S608
_OWN, _READER = len(Row._fields), len(readers.FIELDS)


class Letter(NamedTuple):
    """One delivery with its notification and its reader."""

    row: Row
    reader: Reader
    due: Due


def letters_of(parcels: Sequence[Parcel]) -> list[Letter]:
    """The letters of deliveries; those whose rows are gone are missing."""
    if not parcels:
        return []
    ids = [parcel.id for parcel in parcels]
    with connection.cursor() as cursor:
        _LOOK.run(
            cursor,
            ids=ids,
            notifications=[parcel.notification_id for parcel in parcels],
            **span(ids),
        )
        return [
            Letter(
                Row(*values[:_OWN]),
                Reader(*values[_OWN : _OWN + _READER]),
                Due(*values[_OWN + _READER :]),
            )
            for values in cursor.fetchall()
        ]
