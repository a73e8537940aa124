"""Callback endpoints: made, changed, given new secrets and tried out; all of it audited."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from notifications.callbacks import listeners, queue, secrets
from notifications.callbacks.queue import Telling
from notifications.models import CallbackEndpoint, Service
from notifications.words import CallbackEvent, Disabled, Lane
from notifysite.plumbing import audit, ids
from notifysite.plumbing.http import OutboundClient
from notifysite.plumbing.problems import Problem

MOST: Final = 20  # of a service, for what test keys send and for the rest apart
BOTH_HOLD: Final = timedelta(hours=24)  # after a new secret was made

EVENTS: Final = {event.key: event for event in CallbackEvent if event is not CallbackEvent.PING}


@dataclass(frozen=True, slots=True)
class Issued:
    """An endpoint and, this once, the secret that it signs with."""

    endpoint: CallbackEndpoint
    secret: str = field(repr=False)


def of(service_id: int, *, test: bool) -> QuerySet[CallbackEndpoint]:
    """The endpoints of a service, of those of test keys or of the others."""
    return CallbackEndpoint.objects.filter(service_id=service_id, test=test)


def check_url(url: str) -> None:
    """Raise UnsafeURL where nothing may be posted to it."""
    _client(tuple(settings.WEBHOOK_SCHEMES)).check_url(url)


@lru_cache(maxsize=4)
def _client(schemes: tuple[str, ...]) -> OutboundClient:
    return OutboundClient(schemes=schemes)


def create(
    service_id: int,
    *,
    test: bool,
    url: str,
    events: Iterable[CallbackEvent],
    description: str = "",
    actor: str,
) -> Issued:
    """Make an endpoint, which is told of what happens from a second later; Problem when there are
    too many."""
    made = secrets.make()
    with transaction.atomic():
        # Two who make one at once must not both see one less.
        Service.objects.select_for_update(no_key=True).get(pk=service_id)
        if of(service_id, test=test).count() >= MOST:
            raise Problem.of("too_many_callbacks")
        endpoint = CallbackEndpoint.objects.create(
            service_id=service_id,
            test=test,
            url=url,
            description=description,
            events=sorted(set(events)),
            data_key=made.data_key,
            secret=made.kept,
        )
        _audit(endpoint, "created", actor=actor)
    listeners.forget()
    endpoint.refresh_from_db()
    return Issued(endpoint, made.secret)


def change(endpoint: CallbackEndpoint, said: dict[str, Any], *, actor: str) -> None:
    """Change `url`, `description`, `events` or `enabled`; one that is enabled, or moved to another
    URL, begins anew."""
    fields: dict[str, Any] = {n: said[n] for n in ("url", "description") if n in said}
    if "events" in said:
        fields["events"] = sorted(set(said["events"]))
    if fields.get("url", endpoint.url) != endpoint.url:
        fields |= _ANEW
    if "enabled" in said and said["enabled"] != endpoint.enabled:
        fields |= {**_ANEW, **(_ENABLED if said["enabled"] else _DISABLED)}
    with transaction.atomic():
        CallbackEndpoint.objects.filter(pk=endpoint.pk).update(**fields)
        _audit(endpoint, "changed", actor=actor, fields=sorted(said))
    listeners.forget()
    endpoint.refresh_from_db()


_ANEW: Final[Mapping[str, Any]] = {"failing_since": None, "rests_until": None}
_ENABLED: Final[Mapping[str, Any]] = {
    "enabled": True, "disabled_reason": None, "disabled_at": None,
}  # fmt: skip
_DISABLED: Final[Mapping[str, Any]] = {
    "enabled": False, "disabled_reason": Disabled.SWITCHED_OFF, "disabled_at": Now(),
}  # fmt: skip


def rotate(endpoint: CallbackEndpoint, *, actor: str) -> Issued:
    """Make a new secret; the one before it signs beside it for a day."""
    with transaction.atomic():
        locked = CallbackEndpoint.objects.select_for_update(no_key=True).get(pk=endpoint.pk)
        made = secrets.make(bytes(locked.data_key))
        CallbackEndpoint.objects.filter(pk=endpoint.pk).update(
            secret=made.kept,
            old_secret=locked.secret,
            old_secret_until=timezone.now() + BOTH_HOLD,
        )
        _audit(endpoint, "rotated", actor=actor)
    endpoint.refresh_from_db()
    return Issued(endpoint, made.secret)


def delete(endpoint: CallbackEndpoint, *, actor: str) -> None:
    """End an endpoint; what waits for it is cancelled when its turn comes."""
    with transaction.atomic():
        _audit(endpoint, "deleted", actor=actor)
        CallbackEndpoint.objects.filter(pk=endpoint.pk).delete()


def ping(endpoint: CallbackEndpoint, *, actor: str) -> UUID:
    """Queue a `ping`, which goes out though it be disabled; returns the delivery's id."""
    id_ = ids.uuid7()
    telling = Telling(id_, endpoint.pk, CallbackEvent.PING, Lane.DEFAULT, timezone.now())
    with transaction.atomic():
        queue.put([telling])
        _audit(endpoint, "tried", actor=actor)
    return id_


def _audit(endpoint: CallbackEndpoint, deed: str, *, actor: str, **detail: Any) -> None:
    audit.record(
        actor=actor,
        action=f"callback_endpoint.{deed}",
        target=f"callback_endpoint:{endpoint.pk}",
        detail={"service": endpoint.service_id, **detail},
    )
