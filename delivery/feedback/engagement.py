"""What people did with deliveries: first times, additive, apart from the state."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from delivery import announcements
from delivery.contracts import Change
from delivery.feedback.matching import Matched
from delivery.lifecycle import EventKind
from notifysite.plumbing import ids

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
# What machines do tells nothing of the person.
_BY_MACHINES = {
    EventKind.OPENED: ("machine_opened_at",),
    EventKind.CLICKED: ("machine_clicked_at",),
}
_AT = "COALESCE(%(at)s::timestamptz, statement_timestamp())"


def engage(
    items: Sequence[tuple[UUID, UUID, int]], kind: EventKind, *, at: datetime | None = None
) -> None:
    """Keep the first time people did something with deliveries, and announce it.

    `items` are (delivery, notification, recipient). Reading is seeing too. Additive: nothing is
    ever taken back, and a repeated call changes nothing. What is about a delivery that is not kept
    any more is not kept either. Runs in the caller's transaction.
    """
    columns = _ALSO.get(kind, (_COLUMNS[kind],))
    first = ", ".join(f"{c} = COALESCE(e.{c}, EXCLUDED.{c})" for c in columns)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO delivery_engagement AS e (id, notification_id, {", ".join(columns)})
            SELECT id, notification_id, {", ".join([_AT] * len(columns))}
            FROM unnest(%(ids)s::uuid[], %(notifications)s::uuid[]) AS u(id, notification_id)
            WHERE id IN (SELECT id FROM delivery WHERE id = ANY(%(ids)s::uuid[]))
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
        _announce([id_ for id_, _, _ in items if id_ in fresh])


_ACT = """
    INSERT INTO delivery_event (id, delivery_id, kind, provider, at, code, detail, machine)
    SELECT %s, id, %s, provider, %s, %s, %s, FALSE FROM delivery WHERE id = %s
"""


def act(delivery: UUID, action: int, *, by: str, at: datetime) -> None:
    """Keep that an action of a delivery was done, counted from 0, and announce it.

    Once for each action, in the caller's transaction, who sees to that. What is about a delivery
    that is not kept any more is not kept either.
    """
    event = ids.sibling(delivery)
    with connection.cursor() as cursor:
        cursor.execute(_ACT, [event, int(EventKind.ACTED), at, str(action), by, delivery])
    _announce([delivery], acted=action)


def _announce(seen: Sequence[UUID], *, acted: int | None = None) -> None:
    """Tell the rooms above that these were seen: what waits for that may be decided again."""
    if not seen:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id, notification_id, recipient_id, channel, state, reason, provider, mode, step,
                lane
            FROM delivery WHERE id = ANY(%s)
            """,
            [list(seen)],
        )
        changes = [
            (lane, Change(*values)._replace(seen=True, acted=acted))
            for *values, lane in cursor.fetchall()
        ]
    announcements.announce_by_lane(changes)


_PEOPLE = (*_COLUMNS.values(),)
_EVERY = (*_PEOPLE, *(column for columns in _BY_MACHINES.values() for column in columns))
# Which of a person's first times are first indeed, the statement tells from what was there before.
_KEEP = f"""
    WITH u AS (
        SELECT * FROM unnest(%(ids)s::uuid[], %(notifications)s::uuid[],
            {", ".join(f"%({column})s::timestamptz[]" for column in _EVERY)}
        ) AS u(id, notification_id, {", ".join(_EVERY)})
    ), kept AS (
        INSERT INTO delivery_engagement AS e (id, notification_id, {", ".join(_EVERY)})
        SELECT * FROM u ORDER BY id
        ON CONFLICT (id) DO UPDATE SET
            {", ".join(f"{column} = LEAST(e.{column}, EXCLUDED.{column})" for column in _EVERY)}
    )
    SELECT u.id FROM u LEFT JOIN delivery_engagement AS e
        ON e.id = u.id AND e.id = ANY(%(ids)s::uuid[])
    WHERE {" OR ".join(f"u.{column} IS NOT NULL AND e.{column} IS NULL" for column in _PEOPLE)}
"""  # noqa: S608 - column names of our own


def keep(told: Iterable[Matched]) -> set[UUID]:
    """Keep what providers say that people and machines did, in the caller's transaction.

    Returns the deliveries with which a person did something for the first time.
    """
    firsts: dict[UUID, dict[str, datetime]] = {}
    notifications: dict[UUID, UUID] = {}
    for one in told:
        for column in _columns(one):
            moment = one.row.moment(one.report.at)
            mine = firsts.setdefault(one.row.id, {})
            mine[column] = min(moment, mine.get(column, moment))
            notifications[one.row.id] = one.row.notification_id
    if not firsts:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, _first_times(firsts, notifications))
        return {id_ for (id_,) in cursor.fetchall()}


def _columns(one: Matched) -> tuple[str, ...]:
    kind = one.report.kind
    if one.report.machine:
        return _BY_MACHINES.get(kind, ())
    return _ALSO.get(kind) or ((_COLUMNS[kind],) if kind in _COLUMNS else ())


def _first_times(
    firsts: Mapping[UUID, Mapping[str, datetime]], notifications: Mapping[UUID, UUID]
) -> dict[str, list[Any]]:
    columns = {column: [mine.get(column) for mine in firsts.values()] for column in _EVERY}
    return {"ids": list(firsts), "notifications": list(notifications.values()), **columns}
