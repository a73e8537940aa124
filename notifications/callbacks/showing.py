"""What services were told and what came of it: for the story of a notification, and as the log of
an endpoint."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from delivery.models import Attempt, Delivery
from notifications.models import Callback
from notifysite.plumbing.partitions import within

LOGGED = 50


@dataclass(frozen=True, slots=True)
class Told:
    """A callback, the delivery that carries it, and its tries, oldest first."""

    row: Callback
    delivery: Delivery
    tries: Sequence[Attempt] = ()


def of_notification(notification_id: UUID) -> list[Told]:
    """What was told of it, oldest first; two queries, or one where nothing was."""
    here = within([notification_id])
    rows = Callback.objects.filter(notification_id=notification_id, **here)
    return _told(list(rows.order_by("created_at", "id")), tries={})


def log(endpoint_id: int) -> list[Told]:
    """What an endpoint was told last, newest first; three queries."""
    rows = list(Callback.objects.filter(endpoint_id=endpoint_id).order_by("-id")[:LOGGED])
    tries: dict[UUID, list[Attempt]] = {}
    ids = [row.id for row in rows]
    for one in Attempt.objects.filter(delivery_id__in=ids, **within(ids)).order_by(
        "created_at", "id"
    ):
        tries.setdefault(one.delivery_id, []).append(one)
    return _told(rows, tries=tries)


def _told(rows: Sequence[Callback], *, tries: Mapping[UUID, Sequence[Attempt]]) -> list[Told]:
    ids = [row.id for row in rows]
    found = {one.id: one for one in Delivery.objects.filter(id__in=ids, **within(ids))}
    return [Told(row, found[row.id], tries.get(row.id, ())) for row in rows if row.id in found]
