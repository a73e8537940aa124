"""What an operator does about what was sent: the same doors a service uses, for every service."""

from collections.abc import Sequence
from uuid import UUID

from django.http import HttpRequest

from delivery.replay import Replayed
from notifications import replaying
from notifications.intake import cancel as cancelling
from notifications.intake import withdraw
from notifications.services.authentication import Caller
from notifications.words import Mode
from notifysite.plumbing.desk import actor


def cancel(request: HttpRequest, notification: UUID, *, service_id: int) -> bool:
    """Take back what has not left yet; False when it is too late for all of it."""
    done = cancelling.cancel([notification], caller=_operator(request, service_id))
    return notification in done.taken


def cancel_audience(request: HttpRequest, request_id: UUID, *, service_id: int) -> bool:
    """Make no more notifications of an audience, and take back what has not left yet; False when
    it is too late for all of it."""
    return bool(withdraw.cancel_audience(request_id, caller=_operator(request, service_id)))


def replay(request: HttpRequest, deliveries: Sequence[UUID]) -> Replayed:
    """Queue dead letters again; an uncertain one may then arrive twice. What is none any more, as
    at the second click, is told apart."""
    wanted = replaying.Filter(ids=list(deliveries), states=None)
    done, _ = replay_matching(request, wanted)
    return done


def replay_matching(request: HttpRequest, wanted: replaying.Filter) -> tuple[Replayed, bool]:
    """Queue what a filter matches; and whether more is left for another time."""
    return replaying.many(wanted, caller=_operator(request, 0))


def dead(request: HttpRequest, wanted: replaying.Filter) -> int:
    """How many a filter matches, counted up to one more than are replayed at a time."""
    return replaying.count(wanted, caller=_operator(request, 0))


def _operator(request: HttpRequest, service_id: int) -> Caller:
    return Caller(
        service_id=service_id,
        service_key="",
        operator=actor(request),
        key_id=0,
        mode=Mode.LIVE,
        scopes=frozenset({"read:all"}),
    )
