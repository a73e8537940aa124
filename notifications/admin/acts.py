"""What an operator does about what was sent: the same doors a service uses, for every service."""

from collections.abc import Sequence
from uuid import UUID

from django.http import HttpRequest

from delivery.lifecycle import REPLAYABLE
from delivery.replay import Replayed
from notifications import replaying
from notifications.intake import cancel as cancelling
from notifications.services.authentication import Caller
from notifications.words import Mode
from notifysite.plumbing.desk import actor


def cancel(request: HttpRequest, notification: UUID, *, service_id: int) -> bool:
    """Take back what has not left yet; False when it is too late for all of it."""
    done = cancelling.cancel([notification], caller=_operator(request, service_id))
    return notification in done.taken


def replay(request: HttpRequest, deliveries: Sequence[UUID]) -> Replayed:
    """Queue dead letters again; an uncertain one may then arrive twice."""
    wanted = replaying.Filter(ids=list(deliveries), states=sorted(REPLAYABLE))
    done, _ = replaying.many(wanted, caller=_operator(request, 0))
    return done


def _operator(request: HttpRequest, service_id: int) -> Caller:
    return Caller(
        service_id=service_id,
        service_key="",
        operator=actor(request),
        key_id=0,
        mode=Mode.LIVE,
        scopes=frozenset({"read:all"}),
    )
