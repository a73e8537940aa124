"""Where a request on behalf of somebody else may go: the public internet, and nowhere inside."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import httpx

PORTS = frozenset({80, 443, 8443})
MAX_URL = 2048

_DEFAULT_PORTS = {"http": 80, "https": 443}
_GLOBAL_UNICAST = IPv6Network("2000::/3")
# What `ipaddress` calls global, in this or an older Python, and is not: relays and translators
# that lead back inside, addresses of cloud platforms, and blocks assigned to no host.
_DENIED: list[IPv4Network | IPv6Network] = [
    ip_network(block)
    for block in (
        "168.63.129.16/32",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
    )
]
_HOST = re.compile(r"[a-z0-9._:-]{1,253}")
# "127.1", "2130706433", "0x7f.0.0.1": the resolver reads these as addresses, nobody writes them.
_ENDS_IN_A_NUMBER = re.compile(r"(?:^|\.)(?:\d+|0x[0-9a-f]*)\.?$", re.IGNORECASE)


class UnsafeURL(Exception):
    """A request must not go there; `reason` can be shown to whoever gave the URL."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host (ASCII, lower case, no brackets) and port of a URL."""

    scheme: str
    host: str
    port: int


def is_address(host: str) -> bool:
    """Tell whether a host is an IP address rather than a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the public internet."""
    if not is_address(address):
        return False
    found = ip_address(address)
    if not found.is_global or found.is_multicast:
        return False
    if isinstance(found, IPv6Address) and found not in _GLOBAL_UNICAST:
        return False
    return not any(found in block for block in _DENIED)


def require_public(addresses: Sequence[str]) -> None:
    """Raise UnsafeURL unless every address is public: a mixed answer is an attack."""
    if not all(is_public(address) for address in addresses):
        raise UnsafeURL("The host is not on the public internet.")


def origin_of(url: str) -> Origin:
    """Split a URL; UnsafeURL when it is none, names no host or carries a password."""
    if len(url) > MAX_URL:
        raise UnsafeURL(f"The URL is longer than {MAX_URL} characters.")
    try:
        parsed = httpx.URL(url)
        host = parsed.raw_host.decode("ascii").lower()
    except (httpx.InvalidURL, ValueError, TypeError):
        raise UnsafeURL("This is not a URL.") from None
    if parsed.scheme not in _DEFAULT_PORTS or _HOST.fullmatch(host) is None:
        raise UnsafeURL("The URL must start with https:// and name a host.")
    if parsed.userinfo:
        raise UnsafeURL("The URL must not carry a user name or password.")
    port = _DEFAULT_PORTS[parsed.scheme] if parsed.port is None else parsed.port
    return Origin(parsed.scheme, host, port)


def require_safe(origin: Origin, *, schemes: Iterable[str]) -> None:
    """Raise UnsafeURL for what can be told without looking the name up."""
    if origin.scheme not in schemes:
        raise UnsafeURL("The URL must start with https://.")
    if origin.port not in PORTS:
        raise UnsafeURL("The port must be 443, 80 or 8443.")
    if ":" in origin.host or _ENDS_IN_A_NUMBER.search(origin.host) is not None:
        require_public([origin.host])


def is_named(host: str, pattern: str) -> bool:
    """Tell whether a pattern means a host: its name, "*.example.com" for any name below, or "*"."""
    return host == pattern or (pattern.startswith("*") and host.endswith(pattern[1:]))


def place_of(url: str, places: Iterable[str]) -> str | None:
    """Return the word of the first place that a URL leads to, None where it leads elsewhere.

    A place is "word=host/path"; the host is a pattern, and paths begin so. Raises UnsafeURL.
    """
    host, path = origin_of(url).host, httpx.URL(url).path
    for place in places:
        word, _, where = place.partition("=")
        pattern, slash, beginning = where.partition("/")
        if is_named(host, pattern) and path.startswith(slash + beginning):
            return word
    return None


@lru_cache(maxsize=4)
def parse_origins(urls: tuple[str, ...]) -> frozenset[Origin]:
    """Read the origins of the settings: "http://127.0.0.1:8025"."""
    return frozenset(origin_of(url) for url in urls)
