"""Signed links without personal data: an opaque subject id, and what the link is for.

The key is derived from FIELD_HASH_KEY, not from SECRET_KEY: a link in a message must still work
when the secret of the sessions was replaced. The same inputs make the same token, so a message
that is rendered again is the same byte for byte.
"""

import binascii
import hmac
import struct
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from functools import lru_cache
from hashlib import blake2b
from uuid import UUID

from django.conf import settings

from notifysite.plumbing import opaque
from notifysite.plumbing.crypto import Tampered, keyed_hash

ASKED_FOR = timedelta(hours=1)  # how long a link that was asked for opens everything
MAC_BYTES = 16
LONGEST_TOKEN = 255

_VERSION = 1
_HEAD = struct.Struct(">BB16s")  # version, purpose, subject
_EXPIRY = struct.Struct(">I")  # seconds since 1970


class LinkInvalid(ValueError):
    """Not a link of ours, or one for something else."""


class LinkExpired(LinkInvalid):
    """A link that was right once; a new one can be asked for."""


class _Purpose(IntEnum):
    """What a token is for; never renumber, for tokens in messages do not expire."""

    CHOICES = 1
    FULL = 2
    UNSUBSCRIBE = 3
    VIEW = 4
    WHY = 5

    def head(self) -> bytes:
        """What a body for this purpose begins with, before the subject."""
        return bytes((_VERSION, self))


_CHOICES, _FULL, _UNSUBSCRIBE, _VIEW, _WHY = (purpose.head() for purpose in _Purpose)
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


@dataclass(frozen=True, slots=True)
class CentreLink:
    """Whose preference centre; `full` also opens history, addresses, export and erasure."""

    subject: UUID
    full: bool = False


@dataclass(frozen=True, slots=True)
class UnsubscribeLink:
    """Who stops which category (its key), by the link in which delivery."""

    subject: UUID
    category: str
    delivery: UUID


@dataclass(frozen=True, slots=True)
class DeliveryLink:
    """Whose delivery is shown, or explained."""

    subject: UUID
    delivery: UUID


def preferences_url(subject: UUID) -> str:
    """The preference centre from a message: changes choices only, never expires."""
    return _pen().url("preferences", _CHOICES, subject)


def full_preferences_url(subject: UUID, *, now: datetime) -> str:
    """The preference centre for who asked for a link: opens everything for an hour."""
    until = int((now + ASKED_FOR).timestamp())
    return _pen().url("preferences", _FULL, subject, _EXPIRY.pack(until))


def unsubscribe_url(subject: UUID, category: str, delivery: UUID) -> str:
    """Where a GET asks and a POST (RFC 8058) unsubscribes from a category."""
    return _pen().url("u", _UNSUBSCRIBE, subject, delivery.bytes + category.encode())


def view_url(subject: UUID, delivery: UUID) -> str:
    """The message as it was sent, in a browser."""
    return _pen().url("view", _VIEW, subject, delivery.bytes)


def why_url(subject: UUID, delivery: UUID) -> str:
    """Why the person got the message."""
    return _pen().url("why", _WHY, subject, delivery.bytes)


IN_MESSAGES = ("preferences", "unsubscribe", "view", "why")


def of_message(
    subject: UUID, category: str, delivery: UUID, *, only: Collection[str] = IN_MESSAGES
) -> dict[str, str]:
    """The links of one message by name; the same again for the same delivery."""
    pen, found = _pen(), {}
    if "preferences" in only:
        found["preferences"] = pen.url("preferences", _CHOICES, subject)
    if "unsubscribe" in only:
        rest = delivery.bytes + category.encode()
        found["unsubscribe"] = pen.url("u", _UNSUBSCRIBE, subject, rest)
    if "view" in only:
        found["view"] = pen.url("view", _VIEW, subject, delivery.bytes)
    if "why" in only:
        found["why"] = pen.url("why", _WHY, subject, delivery.bytes)
    return found


def read_preferences(token: str, *, now: datetime) -> CentreLink:
    """Whose preference centre a token opens. Raises LinkInvalid, LinkExpired."""
    purpose, subject, rest = _open(token)
    if purpose == _Purpose.CHOICES and not rest:
        return CentreLink(subject)
    if purpose != _Purpose.FULL or len(rest) != _EXPIRY.size:
        raise LinkInvalid("not a link to the preferences")
    (until,) = _EXPIRY.unpack(rest)
    if until <= now.timestamp():
        raise LinkExpired("ask for a new link")
    return CentreLink(subject, full=True)


def read_unsubscribe(token: str) -> UnsubscribeLink:
    """What a token unsubscribes from. Raises LinkInvalid."""
    purpose, subject, rest = _open(token)
    if purpose != _Purpose.UNSUBSCRIBE or len(rest) <= 16:
        raise LinkInvalid("not a link to unsubscribe")
    return UnsubscribeLink(subject, rest[16:].decode(), UUID(bytes=rest[:16]))


def read_view(token: str) -> DeliveryLink:
    """Which delivery a token shows. Raises LinkInvalid."""
    return _delivery(token, _Purpose.VIEW)


def read_why(token: str) -> DeliveryLink:
    """Which delivery a token explains. Raises LinkInvalid."""
    return _delivery(token, _Purpose.WHY)


def _delivery(token: str, wanted: _Purpose) -> DeliveryLink:
    purpose, subject, rest = _open(token)
    if purpose != wanted or len(rest) != 16:
        raise LinkInvalid("not a link to a delivery")
    return DeliveryLink(subject, UUID(bytes=rest))


@dataclass(frozen=True, slots=True)
class _Pen:
    """Writes links; made once for an address and a key."""

    base: str
    mac: blake2b

    def url(self, page: str, head: bytes, subject: UUID, rest: bytes = b"") -> str:
        body = head + subject.bytes + rest
        mac = self.mac.copy()
        mac.update(body)
        signed = binascii.b2a_base64(body + mac.digest(), newline=False)
        token = signed.rstrip(b"=").translate(_URL_SAFE).decode()
        return f"{self.base}/{page}/{token}/"


def _pen() -> _Pen:
    # Both are read each time, so that a key that was replaced signs nothing any more.
    return _pen_for(settings.PUBLIC_URL, settings.FIELD_HASH_KEY)


@lru_cache(maxsize=4)
def _pen_for(public_url: str, key: str) -> _Pen:
    return _Pen(public_url.rstrip("/"), _keyed(key))


def _open(token: str) -> tuple[int, UUID, bytes]:
    raw = _raw(token)
    body, mac = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
    if len(body) < _HEAD.size or not hmac.compare_digest(mac, _mac(body)):
        raise LinkInvalid("the signature does not match")
    version, purpose, subject = _HEAD.unpack_from(body)
    if version != _VERSION:
        raise LinkInvalid("of another version")
    return purpose, UUID(bytes=subject), body[_HEAD.size :]


def _raw(token: str) -> bytes:
    if len(token) > LONGEST_TOKEN or not token.isascii():
        raise LinkInvalid("too long")
    try:
        return opaque.decode(token)
    except Tampered as error:
        raise LinkInvalid(str(error)) from None


def _mac(body: bytes) -> bytes:
    mac = _keyed(settings.FIELD_HASH_KEY).copy()
    mac.update(body)
    return mac.digest()


@lru_cache(maxsize=4)
def _keyed(_: str) -> blake2b:
    # Keyed BLAKE2 (RFC 7693): a message has several links, and this costs a fifth of an HMAC.
    return blake2b(key=keyed_hash("preferences.links", "key"), digest_size=MAC_BYTES)
