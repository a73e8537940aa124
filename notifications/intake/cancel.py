"""Cancel: take back what has not left yet.

Whatever a worker has marked may be on its way and stays; the rest of the notification is
withdrawn, and nothing more is planned of it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from delivery import announcements, queue
from delivery.contracts import Change
from delivery.lifecycle import Reason
from notifications.services.authentication import Caller
from notifications.words import OPEN, Mode, Status
from notifysite.plumbing import audit
from notifysite.plumbing.partitions import WITHIN, span

BATCH = 500

_OPEN = ", ".join(str(int(status)) for status in OPEN)


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What a call came to: `taken` are cancelled now or were before, `late` can no longer be."""

    taken: Sequence[UUID] = field(default_factory=tuple)
    late: Sequence[UUID] = field(default_factory=tuple)

    def __add__(self, other: "Cancelled") -> "Cancelled":
        return Cancelled([*self.taken, *other.taken], [*self.late, *other.late])


def cancel(ids: Iterable[UUID], *, caller: Caller) -> Cancelled:
    """Cancel notifications of the caller's service; those of others do not exist for it, and of its
    own a test key takes back only what test keys sent."""
    wanted, done = list(ids), Cancelled()
    for start in range(0, len(wanted), BATCH):
        done += _cancel_batch(wanted[start : start + BATCH], caller)
    return done


_MATCHING = """
    SELECT n.id FROM notification AS n JOIN recipient AS r ON r.id = n.recipient_id
    WHERE n.service_id = %(service)s AND n.cancellation_key = %(key)s
        AND n.mode = ANY(%(modes)s::smallint[])
        AND (%(users)s::text[] IS NULL OR r.user_id = ANY(%(users)s::text[]))
    ORDER BY n.id
"""


def matching(key: str, *, caller: Caller, users: Sequence[str] | None) -> list[UUID]:
    """The caller's notifications with a cancellation key, for these users or for all."""
    values: dict[str, Any] = {
        "service": caller.service_id,
        "key": key,
        "modes": caller.touches,
        "users": users and list(users),
    }
    with connection.cursor() as cursor:
        cursor.execute(_MATCHING, values)
        return [id_ for (id_,) in cursor.fetchall()]


# In id order, as everybody locks notifications, and then deliveries.
_LOCK = """
    SELECT n.id, n.status, n.lane, COALESCE(d.body @> '[{"outcome": "hold"}]', false)
    FROM notification AS n LEFT JOIN decision AS d ON d.id = n.decision_id
    WHERE n.id = ANY(%s::uuid[]) AND n.service_id = %s AND n.mode = ANY(%s::smallint[])
    ORDER BY n.id FOR NO KEY UPDATE OF n
"""
_LOCK_DELIVERIES = f"""
    SELECT FROM delivery WHERE notification_id = ANY(%(ids)s::uuid[]) AND {WITHIN.format(id="id")}
    ORDER BY id FOR NO KEY UPDATE
"""
_CANCEL = f"""
    UPDATE notification SET status = {Status.CANCELLED:d}, reason = {Reason.CANCELLED:d},
        due_at = NULL, lease = NULL
    WHERE id = ANY(%s::uuid[]) AND status IN ({_OPEN})
"""  # noqa: S608


def _cancel_batch(ids: Sequence[UUID], caller: Caller) -> Cancelled:
    with transaction.atomic():
        done, fresh = take_back(ids, service_id=caller.service_id, modes=caller.touches)
        audit.record_all(
            actor=caller.actor,
            action="notification.cancelled",
            targets=[f"notification:{id_}" for id_ in fresh],
        )
    return done


def take_back(
    ids: Sequence[UUID], *, service_id: int, modes: Sequence[int] = tuple(Mode)
) -> tuple[Cancelled, list[UUID]]:
    """Cancel a batch in the caller's transaction: what it came to, and which are cancelled now."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [list(ids), service_id, [int(mode) for mode in modes]])
        rows = [(id_, Status(status), lane, waits) for id_, status, lane, waits in cursor]
        before = [id_ for id_, status, *_ in rows if status is Status.CANCELLED]
        lanes = {id_: lane for id_, status, lane, _ in rows if status in OPEN}
        if lanes:
            cursor.execute(_LOCK_DELIVERIES, {"ids": list(lanes), **span(lanes)})
        changes = queue.cancel(list(lanes), reason=Reason.CANCELLED)
        undecided = {id_ for id_, status, _, waits in rows if waits or status is Status.ACCEPTED}
        withdrawn = {change.notification_id for change in changes}
        fresh = [id_ for id_ in lanes if id_ in withdrawn or id_ in undecided]
        cursor.execute(_CANCEL, [fresh])
        _announce(changes, lanes)
    taken = {*before, *fresh}
    late = [id_ for id_, *_ in rows if id_ not in taken]
    return Cancelled([*before, *fresh], late), fresh


def _announce(changes: Sequence[Change], lanes: dict[UUID, int]) -> None:
    for lane in sorted(set(lanes.values())):
        announcements.announce(
            [change for change in changes if lanes[change.notification_id] == lane], lane=lane
        )
