"""API keys: made, replaced and revoked here; only a hash of each is kept.

A key is `ntf_<mode>_<prefix>_<secret>`: the prefix names it in lists, logs and the audit trail,
the secret (43 letters and digits, 256 bits) is shown once.
"""

import re
import secrets
import string
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from notifications.models import ApiKey, Service
from notifications.words import Mode
from notifysite.plumbing import audit
from notifysite.plumbing.crypto import keyed_hash
from notifysite.plumbing.problems import Problem

SCOPES: dict[str, str] = {
    "notifications:send": "send notifications, files and events, ask why, cancel",
    "notifications:read": "see notifications, their timelines and figures",
    "users:read": "see people, their devices and preferences",
    "users:write": "create, change and erase people, their devices and preferences",
    "catalog:read": "see types, categories, templates, topics, segments and campaigns",
    "catalog:write": "change types, categories, templates, topics, segments and campaigns",
    "deliveries:replay": "send dead letters again",
    "read:all": "see what other services sent, beside its own",
    "callbacks:read": "see callback endpoints, where the service is told of its deliveries",
    "callbacks:write": "make, change and delete callback endpoints",
    "ops:read": "see providers, routes, suppressions and health",
    "ops:write": "suppress addresses, steer providers and change routes",
}
# What a product needs to tell its own users something; what reaches further is asked for.
DEFAULT_SCOPES = ("notifications:send", "notifications:read", "users:read", "users:write")
LIVE_KEYS = 2  # per service and mode: the one in use and the one that replaces it

_PREFIX_LENGTH = 12
_PREFIX_LETTERS = string.ascii_lowercase + string.digits
_SECRET_LENGTH = 43  # 62 letters and digits, 5.95 bits each
_SECRET_LETTERS = string.ascii_letters + string.digits
_SHAPE = rf"ntf_(?:{'|'.join(mode.name.lower() for mode in Mode)})_[a-z0-9]{{{_PREFIX_LENGTH}}}"
_TOKEN = re.compile(rf"{_SHAPE}_[A-Za-z0-9]{{{_SECRET_LENGTH}}}", re.ASCII)


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key and, this once, the whole of what its caller sends: `ntf_<mode>_<prefix>_<secret>`."""

    key: ApiKey
    secret: str

    def __repr__(self) -> str:
        return f"IssuedKey({label(self.key)})"


@dataclass(frozen=True, slots=True)
class Token:
    """What a caller sent, in its parts; `digest` stands for the secret."""

    mode: Mode
    prefix: str
    digest: bytes


def issue(
    service: Service,
    *,
    mode: Mode,
    name: str,
    scopes: Iterable[str] = DEFAULT_SCOPES,
    expires_at: datetime | None = None,
    actor: str = "system",
) -> IssuedKey:
    """Make a key; Problem when two are live already, a scope is unknown or the end is past."""
    wanted = sorted(set(scopes))
    _check_scopes(wanted)
    _check_end(expires_at)
    prefix, secret = (
        _random(_PREFIX_LETTERS, _PREFIX_LENGTH),
        _random(_SECRET_LETTERS, _SECRET_LENGTH),
    )
    with transaction.atomic():
        _check_room(service, mode)
        key = ApiKey.objects.create(
            service=service,
            name=name,
            mode=mode,
            prefix=prefix,
            hash=_digest(secret),
            scopes=wanted,
            expires_at=expires_at,
        )
        detail = {"service": service.key, "scopes": wanted}
        audit.record(actor=actor, action="api_key.issued", target=_target(key), detail=detail)
    return IssuedKey(key=key, secret=f"{label(key)}_{secret}")


def revoke(key: ApiKey, *, actor: str = "system") -> bool:
    """End a key, within five seconds everywhere; False when it was revoked before."""
    with transaction.atomic():
        ended = ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=Now())
        if ended:
            audit.record(actor=actor, action="api_key.revoked", target=_target(key))
    key.refresh_from_db(fields=["revoked_at"])
    return bool(ended)


def rotate(key: ApiKey, *, actor: str = "system") -> IssuedKey:
    """Make the successor of a key, with as long a life; the old one lives until it is revoked."""
    if key.revoked_at is not None:
        raise Problem.of("key_revoked", "A revoked key has no successor; issue a new key.")
    life = None if key.expires_at is None else key.expires_at - key.created_at
    return issue(
        key.service,
        mode=Mode(key.mode),
        name=key.name,
        scopes=key.scopes,
        expires_at=None if life is None else timezone.now() + life,
        actor=actor,
    )


def live(service: Service, mode: Mode) -> QuerySet[ApiKey]:
    """The keys of a service that work now, newest first."""
    unexpired = Q(expires_at=None) | Q(expires_at__gt=Now())
    return ApiKey.objects.filter(unexpired, service=service, mode=mode, revoked_at=None)


def find(shown: str) -> ApiKey | None:
    """The key by what people have of it: its prefix, its label or all of it."""
    parts = shown.strip().split("_")
    prefix = parts[2] if len(parts) > 2 else shown.strip()
    return ApiKey.objects.select_related("service").filter(prefix=prefix).first()


def label(key: ApiKey) -> str:
    """How a key is called where people see it: `ntf_live_k3v9m2x7q1zd`, never its secret."""
    return f"ntf_{Mode(key.mode).name.lower()}_{key.prefix}"


def parse(text: str) -> Token | None:
    """Take a key as sent apart; None when it does not have the form of one."""
    if _TOKEN.fullmatch(text) is None:
        return None
    _, mode, prefix, secret = text.split("_")
    return Token(mode=Mode[mode.upper()], prefix=prefix, digest=_digest(secret))


def mentions_key(text: str) -> bool:
    """Whether a whole key stands somewhere in the text."""
    return "ntf_" in text and _TOKEN.search(text) is not None


def _digest(secret: str) -> bytes:
    return keyed_hash("api_key", secret)


def _random(letters: str, length: int) -> str:
    return "".join(secrets.choice(letters) for _ in range(length))


def _target(key: ApiKey) -> str:
    return f"api_key:{label(key)}"


def _check_scopes(scopes: list[str]) -> None:
    if unknown := [scope for scope in scopes if scope not in SCOPES]:
        known = ", ".join(SCOPES)
        detail = f"There is no scope {', '.join(unknown)}; use some of: {known}."
        raise Problem(422, "unknown_scope", title="Unknown scope", detail=detail)
    if not scopes:
        detail = "A key without a scope may do nothing; name at least one."
        raise Problem(422, "unknown_scope", title="No scope", detail=detail)


def _check_end(expires_at: datetime | None) -> None:
    if expires_at is not None and expires_at - timezone.now() <= timedelta(0):
        raise Problem.of("expired_already", "Let the key expire at a time in the future.")


def _check_room(service: Service, mode: Mode) -> None:
    # Two who issue at once must not both see one key: the service's row makes them take turns.
    Service.objects.select_for_update(no_key=True).get(pk=service.pk)
    labels = [label(key) for key in live(service, mode)]
    if len(labels) >= LIVE_KEYS:
        detail = (
            f"{service.key} has {LIVE_KEYS} live {mode.name.lower()} keys already: "
            f"{' and '.join(labels)}. Revoke the one no longer used, then issue a new one."
        )
        raise Problem(409, "too_many_keys", title="Too many live keys", detail=detail)
