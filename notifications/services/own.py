"""The site as its own caller: what it says by itself is accepted like anybody's request."""

from django.db import transaction

from notifications.models import ApiKey, Service
from notifications.services import keys
from notifications.services.keyring import Caller
from notifications.words import Mode

SERVICE = "notifysite"
KEY_NAME = "the site itself"


def caller() -> Caller:
    """The site, by a key whose secret nobody has; made when it is first needed."""
    service, _ = Service.objects.get_or_create(key=SERVICE, defaults={"name": "The site itself"})
    return caller_of(service) or _first(service)


def caller_of(service: Service) -> Caller | None:
    """A service by its newest live key; None where it has none."""
    key = keys.live(service, Mode.LIVE).order_by("-id").first()
    return None if key is None else _caller(service, key)


@transaction.atomic
def _first(service: Service) -> Caller:
    # Two who need it at once take turns, and the second one finds it.
    Service.objects.select_for_update(no_key=True).get(pk=service.pk)
    made = caller_of(service)
    if made is not None:
        return made
    scopes = ["notifications:send"]
    issued = keys.issue(service, mode=Mode.LIVE, name=KEY_NAME, scopes=scopes)
    return _caller(service, issued.key)


def _caller(service: Service, key: ApiKey) -> Caller:
    return Caller(
        service_id=service.pk,
        service_key=service.key,
        key_id=key.pk,
        mode=Mode.LIVE,
        scopes=frozenset(key.scopes),
        key_prefix=key.prefix,
    )
