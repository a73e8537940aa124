"""The client for URLs that others gave us: it cannot be led to a private address (SSRF).

A name is looked up once per connection, every address it has must be public, and the connection
goes to that very address while TLS and the Host header keep the name. There are no redirects,
no proxies from the environment and no cookies, and one deadline covers everything.
"""

import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpcore
import httpx
from django.conf import settings

from notifysite.plumbing.destinations import (
    Origin,
    UnsafeURL,
    is_address,
    origin_of,
    parse_origins,
    require_public,
    require_safe,
)
from notifysite.plumbing.kept import Kept

__all__ = [
    "NoAnswer", "OutboundClient", "OutboundResponse", "Resolver", "Unreachable", "UnsafeURL",
    "dial",
]  # fmt: skip

MAX_BODY = 64 * 1024
LOOKUP_SECONDS = 2.0
MAX_ADDRESSES = 4
USER_AGENT = "notifysite"

Resolver = Callable[[str, int], Sequence[str]]


class Unreachable(Exception):
    """Nothing was sent: the name, the connection or TLS failed. Trying again is safe."""


class NoAnswer(Exception):
    """The request may have been taken, and no answer came. Trying again may repeat it."""


@dataclass(frozen=True, slots=True)
class OutboundResponse:
    """An answer; `headers` ignore case, `body` ends at 64 KiB or where the other side broke off."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class OutboundClient:
    """Calls URLs of other people; make one per process, its threads may all use it."""

    def __init__(
        self,
        *,
        schemes: Iterable[str] = ("https",),
        resolver: Resolver | None = None,
        dialer: httpcore.NetworkBackend | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._schemes = frozenset(schemes)
        self._resolver = resolver or resolve
        self._ssl_context = ssl_context or httpx.create_ssl_context()
        self._backend = _PinningBackend(self._resolver, dialer or httpcore.SyncBackend())
        # The library's own pool looks at every connection twice for each request.
        self._kept: Kept[httpcore.HTTPConnection] = Kept(httpcore.HTTPConnection.close)

    def check_url(self, url: str) -> None:
        """Raise UnsafeURL when a request must not go there; a name unknown today may pass."""
        origin = _safe_origin(url, schemes=self._schemes)
        if origin in _allowed_origins():
            return
        try:
            addresses = _look_up(self._resolver, origin, time.monotonic() + LOOKUP_SECONDS)
        except httpcore.ConnectError:
            return
        require_public(addresses)

    def post(
        self, url: str, *, content: bytes, headers: Mapping[str, str], deadline: float
    ) -> OutboundResponse:
        """Post once, within `deadline` seconds; raise UnsafeURL, Unreachable or NoAnswer."""
        _safe_origin(url, schemes=self._schemes)
        asked = httpx.Request("POST", url, content=content, headers=_named(headers))
        return self._exchange(asked, time.monotonic() + deadline)

    def get(self, url: str, *, deadline: float) -> OutboundResponse:
        """Get once, within `deadline` seconds; raise UnsafeURL, Unreachable or NoAnswer."""
        _safe_origin(url, schemes=self._schemes)
        asked = httpx.Request("GET", url, headers=_named({}))
        return self._exchange(asked, time.monotonic() + deadline)

    def _exchange(self, asked: httpx.Request, at: float) -> OutboundResponse:
        request = _request(asked, at)
        connection = self._connection(request.url.origin)
        try:
            response = connection.handle_request(request)
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
            raise Unreachable(_why(error)) from error
        except httpcore.LocalProtocolError as error:
            raise ValueError("These headers cannot be sent.") from error
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise NoAnswer(_why(error)) from error
        body = _read_some(response)
        if connection.is_idle():
            self._kept.give(connection, request.url.origin)
        return OutboundResponse(response.status, httpx.Headers(response.headers), body)

    def close(self) -> None:
        """Close the kept connections, and keep none from now on."""
        for connection in self._kept.close():
            connection.close()

    def _connection(self, origin: httpcore.Origin) -> httpcore.HTTPConnection:
        while kept := self._kept.take(origin):
            if not kept.has_expired():
                return kept
            kept.close()
        return httpcore.HTTPConnection(
            origin, ssl_context=self._ssl_context, network_backend=self._backend
        )


def dial(url: str, *, ssl_context: ssl.SSLContext, at: float) -> httpcore.NetworkStream:
    """A connection to the host of an https URL, as safe as those above, for another protocol.

    Its timeouts are moments of time.monotonic(), as `at` is. Raises UnsafeURL or Unreachable.
    """
    origin = _safe_origin(url, schemes=("https",))
    try:
        stream = _PinningBackend(resolve, httpcore.SyncBackend()).connect_tcp(
            origin.host, origin.port, timeout=at
        )
        return stream.start_tls(ssl_context, origin.host, at)
    except (httpcore.TimeoutException, httpcore.NetworkError) as error:
        raise Unreachable(_why(error)) from error


def _safe_origin(url: str, *, schemes: Iterable[str]) -> Origin:
    """Where a URL leads. Raises UnsafeURL where nobody may be led."""
    origin = origin_of(url)
    if origin not in _allowed_origins():
        require_safe(origin, schemes=schemes)
    return origin


def _named(headers: Mapping[str, str]) -> httpx.Headers:
    named = httpx.Headers({"User-Agent": USER_AGENT})
    named.update(headers)
    return named


def _request(asked: httpx.Request, at: float) -> httpcore.Request:
    # Connect, write and read are given a moment, not a duration: the streams below count down
    # to it, so that an answer dripping in byte by byte ends with the deadline, too.
    return httpcore.Request(
        method=asked.method.encode(),
        url=httpcore.URL(
            scheme=asked.url.raw_scheme,
            host=asked.url.raw_host,
            port=asked.url.port,
            target=asked.url.raw_path,
        ),
        headers=asked.headers.raw,
        content=asked.content,
        extensions={"timeout": {"connect": at, "write": at, "read": at}},
    )


def _read_some(response: httpcore.Response) -> bytes:
    # The status has been said by now, so a body that breaks off does not undo it.
    body = bytearray()
    try:
        for chunk in response.iter_stream():
            body += chunk
            if len(body) >= MAX_BODY:
                break
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
        pass
    finally:
        response.close()
    return bytes(body[:MAX_BODY])


def _why(error: Exception) -> str:
    # Only the kind: the text of the error may hold the host or the path, which can be secrets.
    cause = error.__cause__ or error.__context__
    return f"{type(error).__name__} ({type(cause).__name__})" if cause else type(error).__name__


def _allowed_origins() -> frozenset[Origin]:
    return parse_origins(tuple(getattr(settings, "OUTBOUND_ALLOWED_ORIGINS", ())))


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses the system's resolver has for a name; OSError when it has none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for _, _, _, _, sockaddr in found]


def _look_up(resolver: Resolver, origin: Origin, at: float) -> list[str]:
    if is_address(origin.host):
        return [origin.host]
    # The system's look-up knows no timeout; a thread of its own is left behind when it hangs.
    answers: queue.SimpleQueue[Sequence[str] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(resolver(origin.host, origin.port))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=ask, name="look-up", daemon=True).start()
    try:
        answer = answers.get(timeout=max(at - time.monotonic(), 0))
    except queue.Empty:
        raise httpcore.ConnectError("The look-up took too long.") from None
    if isinstance(answer, Exception):
        raise httpcore.ConnectError("The name is not known.") from answer
    if not answer:
        raise httpcore.ConnectError("The name has no address.")
    return list(dict.fromkeys(answer))


class _PinningBackend(httpcore.NetworkBackend):
    """Looks a name up, refuses private addresses and dials what it has just looked at."""

    def __init__(self, resolver: Resolver, dialer: httpcore.NetworkBackend) -> None:
        self._resolver = resolver
        self._dialer = dialer

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        at = timeout or time.monotonic()
        addresses = _look_up(self._resolver, Origin("", host, port), at)
        if (host, port) not in {(origin.host, origin.port) for origin in _allowed_origins()}:
            require_public(addresses)
        return _DeadlineStream(self._dial(addresses[:MAX_ADDRESSES], port, at))

    def _dial(self, addresses: list[str], port: int, at: float) -> httpcore.NetworkStream:
        # Each address gets its share of the time, so that a dead one leaves some for the next.
        for left in range(len(addresses), 0, -1):
            share = _seconds(at, httpcore.ConnectTimeout) / left
            try:
                return self._dialer.connect_tcp(addresses[-left], port, timeout=share)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


class _DeadlineStream(httpcore.NetworkStream):
    """A connection whose timeouts are moments on the monotonic clock."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _seconds(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # Not the stream's own loop: that gives each part of a long body the whole time again.
        sock = self._stream.get_extra_info("socket")
        rest = memoryview(buffer)
        while rest:
            sock.settimeout(_seconds(timeout, httpcore.WriteTimeout))
            try:
                rest = rest[sock.send(rest) :]
            except TimeoutError as error:
                raise httpcore.WriteTimeout from error
            except OSError as error:
                raise httpcore.WriteError from error

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        try:
            seconds = _seconds(timeout, httpcore.ConnectTimeout)
        except httpcore.ConnectTimeout:
            self.close()
            raise
        return _DeadlineStream(self._stream.start_tls(ssl_context, server_hostname, seconds))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def close(self) -> None:
        self._stream.close()


def _seconds(at: float | None, late: type[httpcore.TimeoutException]) -> float:
    left = (at or 0.0) - time.monotonic()
    if left <= 0:
        raise late
    return left
