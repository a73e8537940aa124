"""The addresses of tracking: what they say is sealed into them, so no row and no parameter is
needed, and nobody can make one lead elsewhere."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings

from notifysite.plumbing import opaque
from notifysite.plumbing.crypto import Tampered

# Mail programs, and the scanners that wrap each link in one of their own, cut off about 2,000.
LONGEST = 1_000

_CLICK, _OPEN = "tracking.click", "tracking.open"
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\xa0\\<>\"'`{}|^\u2028\u2029]")


class NotOurs(ValueError):
    """Not an address that we wrote."""


@dataclass(frozen=True, slots=True)
class Click:
    """A link of a delivery, and where it leads."""

    delivery: UUID
    target: str


def click_url(delivery: UUID, target: str) -> str | None:
    """The tracked address of a link; None for one that stays as it is: what is no web address,
    our own pages, and what is too long."""
    if not is_web(target) or _is_our_own(target):
        return None
    url = f"{_root()}/t/c/{opaque.seal(_CLICK, delivery.bytes + target.encode())}/"
    return url if len(url) <= LONGEST else None


def open_url(delivery: UUID) -> str:
    """The address of the picture whose loading tells that a delivery was opened."""
    return f"{_root()}/t/o/{opaque.seal(_OPEN, delivery.bytes)}.gif"


def read_click(token: str) -> Click:
    """What a link leads to. Raises NotOurs."""
    raw = _unsealed(_CLICK, token)
    try:
        link = Click(UUID(bytes=raw[:16]), raw[16:].decode())
    except ValueError as error:
        raise NotOurs("no link of a delivery") from error
    if not is_web(link.target):
        raise NotOurs("it leads to no web address")
    return link


def read_open(token: str) -> UUID:
    """The delivery whose picture it is. Raises NotOurs."""
    raw = _unsealed(_OPEN, token)
    if len(raw) != 16:
        raise NotOurs("no picture of a delivery")
    return UUID(bytes=raw)


def is_web(url: str) -> bool:
    """Whether it is a whole http or https address, without credentials, that a browser reads as
    we do."""
    if _UNSAFE.search(url):
        return False
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and "@" not in parts.netloc and parts.netloc.isascii()
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and named


def _is_our_own(url: str) -> bool:
    # Whoever stops a message or looks at their choices does so without being counted.
    return f"{url}/".startswith(f"{_root()}/")


def _root() -> str:
    return str(settings.PUBLIC_URL).rstrip("/")


def _unsealed(purpose: str, token: str) -> bytes:
    if len(token) > LONGEST:
        raise NotOurs("too long")
    try:
        return opaque.unseal(purpose, token)
    except Tampered as error:
        raise NotOurs("not sealed here") from error
