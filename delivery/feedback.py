"""News about deliveries: what providers report and what people do, folded by rank.

Whatever its order, and however often it comes, the same news gives the same end.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from delivery import announcements
from delivery.contracts import Change
from delivery.lifecycle import EventKind

# The column of the engagement row that keeps the first time of each kind.
_COLUMNS = {
    EventKind.OPENED: "opened_at",
    EventKind.CLICKED: "clicked_at",
    EventKind.SEEN: "seen_at",
    EventKind.READ: "read_at",
    EventKind.ARCHIVED: "archived_at",
    EventKind.CONVERTED: "converted_at",
}
# Whoever read, clicked or archived a message has seen it too.
_ALSO = {
    kind: (_COLUMNS[kind], "seen_at")
    for kind in (EventKind.READ, EventKind.CLICKED, EventKind.ARCHIVED)
}
_AT = "COALESCE(%(at)s::timestamptz, clock_timestamp())"


@dataclass(frozen=True, slots=True)
class Engaged:
    """A delivery a person did something with."""

    delivery_id: UUID
    notification_id: UUID
    recipient_id: int


def engage(
    items: Sequence[tuple[UUID, UUID, int]], kind: EventKind, *, at: datetime | None = None
) -> None:
    """Keep the first time people did something with deliveries, and announce it.

    `items` are (delivery, notification, recipient). Reading is seeing too. Additive: nothing is
    ever taken back, and a repeated call changes nothing. Runs in the caller's transaction.
    """
    columns = _ALSO.get(kind, (_COLUMNS[kind],))
    first = ", ".join(f"{c} = COALESCE(e.{c}, EXCLUDED.{c})" for c in columns)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO delivery_engagement AS e (id, notification_id, {", ".join(columns)})
            SELECT id, notification_id, {", ".join([_AT] * len(columns))}
            FROM unnest(%(ids)s::uuid[], %(notifications)s::uuid[]) AS u(id, notification_id)
            ORDER BY id
            ON CONFLICT (id) DO UPDATE SET {first} WHERE e.{columns[0]} IS NULL
            RETURNING id
            """,  # noqa: S608 - column names of our own
            {
                "at": at,
                "ids": [item[0] for item in items],
                "notifications": [item[1] for item in items],
            },
        )
        fresh = {id_ for (id_,) in cursor.fetchall()}
        _announce([Engaged(*item) for item in items if item[0] in fresh])


def _announce(engaged: Sequence[Engaged]) -> None:
    """Tell the rooms above that these were seen: what waits for that may be decided again."""
    if not engaged:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id, notification_id, recipient_id, channel, state, reason, provider, mode, step,
                lane
            FROM delivery WHERE id = ANY(%s)
            """,
            [[one.delivery_id for one in engaged]],
        )
        by_lane: dict[int, list[Change]] = {}
        for *values, lane in cursor.fetchall():
            by_lane.setdefault(lane, []).append(replace(Change(*values), seen=True))
    for lane, changes in by_lane.items():
        announcements.announce(changes, lane=lane)
