"""Addresses: one normal form per channel, encrypted for the person, hashed to be found again."""

import base64
import binascii
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import idna
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from delivery import channels
from delivery.channels import ChannelSpec
from notifysite.plumbing import phones
from notifysite.plumbing.crypto import DataKey, address_hash
from notifysite.plumbing.destinations import (
    UnsafeURL,
    is_named,
    origin_of,
    parse_origins,
    place_of,
    require_safe,
)
from preferences import tokens

CONTEXT = "address"
SECRET_CONTEXT = "address.secret"  # noqa: S105 - what secrets are bound to
LONGEST_EMAIL = 254  # RFC 5321: a path is at most 256 with its brackets
LONGEST_LOCAL_PART = 64  # RFC 5321, 4.5.3.1.1; longer ones no provider is handed
LONGEST_URL = 2000
LONGEST_TOKEN = 4096

_PRINTABLE = re.compile(r"[!-~]+")
_KIND_NEEDED = "Must be one of: {}. It says which push service made the token."
_BARE_LOCAL_PART = re.compile(r"[^\s\"(),:;<>@\[\\\]]+")


class AddressInvalid(ValueError):
    """An address that cannot be used; `field` says where it was given, `detail` what to do."""

    code = "invalid_address"

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(f"{field}: {detail}")
        self.field = field
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """An address in normal form, before it is anybody's.

    `value` is what a provider gets: text, or compact JSON for a web push subscription.
    """

    channel: int
    kind: str = ""
    value: str = field(repr=False)
    hash: bytes

    @property
    def shared(self) -> bool:
        """Whether several people may have it."""
        spec = channels.by_number(self.channel)
        return spec.shared or tokens.is_topic(self.value, self.kind)


def normalise(channel: ChannelSpec, value: Any, *, kind: str = "", field: str = "") -> Reach:
    """The normal form of an address on a channel. Raises AddressInvalid."""
    if not channel.addressed:
        raise AddressInvalid(field or "channel", f"{channel.label} needs no address.")
    read = _READERS.get(channel.number, _token)
    if channel.kinds and kind not in channel.kinds:
        raise AddressInvalid("kind", _KIND_NEEDED.format(", ".join(channel.kinds)))
    text, identity = read(value, field or channel.key)
    if channel.kinds:
        text = identity = tokens.plain(text, kind)
    if wrong := tokens.fault(text, kind):
        raise AddressInvalid(field or channel.key, wrong)
    if channel is channels.CHAT:
        kind = _chat_service(text, field or channel.key)
    # Two push services may hand out the same token.
    found_by = f"{kind}:{identity}" if kind else identity
    return Reach(
        channel=channel.number,
        kind=kind,
        value=text,
        hash=address_hash(channel.key, found_by),
    )


def email(value: Any, *, field: str = "email") -> Reach:
    """An email address in normal form. Raises AddressInvalid."""
    return normalise(channels.EMAIL, value, field=field)


def phone(value: Any, *, field: str = "phone") -> Reach:
    """A phone number in normal form (E.164). Raises AddressInvalid."""
    return normalise(channels.SMS, value, field=field)


def encrypt(reach: Reach, key: DataKey) -> bytes:
    """The value as it is kept, under its person's key."""
    return key.encrypt(reach.value.encode(), context=CONTEXT)


def decrypt(value: bytes | memoryview, key: DataKey) -> str:
    """What a provider gets: text, or JSON for a web push subscription."""
    return key.decrypt(bytes(value), context=CONTEXT).decode()


def encrypt_secret(secret: str, key: DataKey) -> bytes:
    """What a person's webhook is signed with, as it is kept."""
    return key.encrypt(secret.encode(), context=SECRET_CONTEXT)


def decrypt_secret(kept: bytes | memoryview, key: DataKey) -> str:
    """What a person's webhook is signed with."""
    return key.decrypt(bytes(kept), context=SECRET_CONTEXT).decode()


def _email(value: Any, field: str) -> tuple[str, str]:
    address = _text(value, field, longest=LONGEST_EMAIL)
    local, _, domain = address.rpartition("@")
    if _BARE_LOCAL_PART.fullmatch(local) is None:
        # Also refuses lists and display names, which mail software would read as more people.
        raise AddressInvalid(field, "Must be one plain address, such as ann@example.com.")
    if len(local) > LONGEST_LOCAL_PART:
        raise AddressInvalid(field, f"At most {LONGEST_LOCAL_PART} characters before the @.")
    address = f"{local}@{_ascii_domain(domain, field)}"
    try:
        validate_email(address)
    except ValidationError:
        raise AddressInvalid(field, "Must be an address such as ann@example.com.") from None
    if len(address) > LONGEST_EMAIL:
        raise AddressInvalid(field, f"At most {LONGEST_EMAIL} characters.")
    return address, address.lower()


def _ascii_domain(domain: str, field: str) -> str:
    if domain.startswith("["):
        raise AddressInvalid(field, "Must name a domain, not a numeric address.")
    try:
        if domain.isascii():
            return domain.lower().encode("idna").decode()
        # Not by that codec: it is of 2003, where ß is ss, and so the domain of somebody else.
        return idna.encode(domain, uts46=True).decode()
    except UnicodeError:
        raise AddressInvalid(field, "The part after @ is no domain name.") from None


def _phone(value: Any, field: str) -> tuple[str, str]:
    text = _text(value, field, longest=phones.LONGEST)
    try:
        number = phones.e164(text)
    except phones.NoPhone as error:
        raise AddressInvalid(field, str(error)) from None
    return number, number


def _url(value: Any, field: str) -> tuple[str, str]:
    text = _text(value, field, longest=LONGEST_URL)
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or _PRINTABLE.fullmatch(text) is None:
        raise AddressInvalid(field, "Must be a URL such as https://example.com/hook.")
    if parts.username is not None or parts.password is not None:
        raise AddressInvalid(field, "Must not hold a user name or password.")
    if parts.scheme != "https" and _origin(text) not in settings.OUTBOUND_ALLOWED_ORIGINS:
        raise AddressInvalid(field, "Must start with https://.")
    return text, text


def _webhook(value: Any, field: str) -> tuple[str, str]:
    text = _text(value, field, longest=LONGEST_URL)
    try:
        origin = origin_of(text)
        if origin not in parse_origins(tuple(settings.OUTBOUND_ALLOWED_ORIGINS)):
            require_safe(origin, schemes=settings.WEBHOOK_SCHEMES)
    except UnsafeURL as error:
        raise AddressInvalid(field, error.reason) from None
    if _PRINTABLE.fullmatch(text) is None:
        raise AddressInvalid(field, "Must be a URL such as https://example.com/hook.")
    return text, text


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def _subscription(value: Any, field: str) -> tuple[str, str]:
    if not isinstance(value, dict) or not isinstance(value.get("keys"), dict):
        raise AddressInvalid(
            field, "Must be {endpoint, keys: {p256dh, auth}}, as browsers make it."
        )
    endpoint, _ = _url(value.get("endpoint"), f"{field}/endpoint")
    if not _is_push_service(endpoint):
        raise AddressInvalid(f"{field}/endpoint", "Must lead to a push service that is known here.")
    public = _base64url(value["keys"].get("p256dh"), f"{field}/keys/p256dh")
    try:
        EllipticCurvePublicKey.from_encoded_point(SECP256R1(), public)
    except ValueError:
        raise AddressInvalid(f"{field}/keys/p256dh", "Must be a P-256 public key.") from None
    secret = _base64url(value["keys"].get("auth"), f"{field}/keys/auth")
    if len(secret) != 16:
        raise AddressInvalid(f"{field}/keys/auth", "Must be 16 bytes in base64url.")
    kept = {"endpoint": endpoint, "keys": {"p256dh": _bare(public), "auth": _bare(secret)}}
    return json.dumps(kept, separators=(",", ":")), endpoint


def _is_push_service(endpoint: str) -> bool:
    """Whether settings.WEBPUSH_HOSTS names the host: elsewhere we post for nobody."""
    try:
        origin = origin_of(endpoint)
        if origin in parse_origins(tuple(settings.OUTBOUND_ALLOWED_ORIGINS)):
            return True
        require_safe(origin, schemes=("https",))
    except UnsafeURL:
        return False
    return any(is_named(origin.host, host) for host in settings.WEBPUSH_HOSTS)


def _chat(value: Any, field: str) -> tuple[str, str]:
    """A webhook in one form, however it was copied; the letters of its path are a secret."""
    parts = urlsplit(_url(value, field)[0])
    host = parts.netloc.lower().removesuffix(":443")
    url = urlunsplit((parts.scheme, host, parts.path, parts.query, ""))
    return url, url


def _chat_service(url: str, field: str) -> str:
    """Whose webhook it is by settings.CHAT_HOSTS: elsewhere we post for nobody."""
    try:
        origin = origin_of(url)
        if origin not in parse_origins(tuple(settings.OUTBOUND_ALLOWED_ORIGINS)):
            require_safe(origin, schemes=("https",))
        service = place_of(url, settings.CHAT_HOSTS)
    except UnsafeURL:
        service = None
    if service is None:
        raise AddressInvalid(
            field, "Must be an incoming webhook that Slack, Discord or Microsoft Teams gave out."
        )
    return service


def _base64url(value: Any, field: str) -> bytes:
    text = value.rstrip("=") if isinstance(value, str) and len(value) <= 200 else ""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise AddressInvalid(field, "Must be base64url.") from None


def _bare(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _token(value: Any, field: str) -> tuple[str, str]:
    text = _text(value, field, longest=LONGEST_TOKEN)
    if _PRINTABLE.fullmatch(text) is None:
        raise AddressInvalid(field, "Must be printable ASCII without spaces.")
    return text, text


def _text(value: Any, field: str, *, longest: int) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if not text:
        raise AddressInvalid(field, "Must be text that is not empty.")
    if len(text) > longest:
        raise AddressInvalid(field, f"At most {longest} characters.")
    if not text.isprintable():
        raise AddressInvalid(field, "Must not hold control characters.")
    return text


_READERS: dict[int, Callable[[Any, str], tuple[str, str]]] = {
    channels.EMAIL.number: _email,
    channels.SMS.number: _phone,
    channels.WEB_PUSH.number: _subscription,
    channels.MOBILE_PUSH.number: _token,
    channels.WEBHOOK.number: _webhook,
    channels.CHAT.number: _chat,
}
