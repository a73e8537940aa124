"""An HTTP/2 connection (RFC 9113) on which many requests are under way at a time.

It tells apart what the other side has not begun (Unreachable: trying again is safe) from what it
may have taken (NoAnswer): a goodbye (GOAWAY) names the last stream that it will look at. httpx
speaks HTTP/2 as well, and where a connection ends it does not say which of its requests that was.
"""

import re
import ssl
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import httpcore
import httpx
from h2.connection import ConnectionState
from h2.errors import ErrorCodes
from h2.settings import SettingCodes, Settings

from notifysite.plumbing.destinations import origin_of
from notifysite.plumbing.http import (
    MAX_BODY,
    NoAnswer,
    OutboundResponse,
    Unreachable,
    dial,
)

READ: Final = 65536
FRAME_HEADER: Final = 9  # bytes, of which the first three are the length of what follows
MOST_HEADERS: Final = 65536
LONGEST_LOOK: Final = 0.05  # seconds

_STATUS = re.compile(r"[0-9]{3}")
_BROKEN = (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError)


@dataclass(frozen=True, slots=True)
class Request:
    """One to be posted; `headers` in lower case."""

    path: str = field(repr=False)
    headers: Sequence[tuple[str, str]] = field(repr=False)
    body: bytes = field(repr=False)


Answer = OutboundResponse | Unreachable | NoAnswer


@dataclass(slots=True)
class _Stream:
    """A request under way: what is left to write, and what was answered so far."""

    place: int
    rest: memoryview
    status: int = 0
    headers: httpx.Headers = field(default_factory=httpx.Headers)
    body: bytearray = field(default_factory=bytearray)

    @property
    def answer(self) -> OutboundResponse:
        return OutboundResponse(self.status, self.headers, bytes(self.body[:MAX_BODY]))


def context(ca_file: str = "") -> ssl.SSLContext:
    """TLS that offers HTTP/2 only; `ca_file` is believed in place of the usual authorities."""
    made = ssl.create_default_context(cafile=ca_file) if ca_file else httpx.create_ssl_context()
    made.set_alpn_protocols(["h2"])
    return made


class Http2Connection:
    """A connection to the host of a URL, in one thread's hands at a time.

    Moments are of time.monotonic(). Raises UnsafeURL or Unreachable.
    """

    def __init__(self, url: str, *, ssl_context: ssl.SSLContext, at: float) -> None:
        self._host = origin_of(url)
        self._wire = dial(url, ssl_context=ssl_context, at=at)
        self._unread = b""
        self._settled = False  # whether the other side has said what it allows
        self._leaving = False
        self._streams: dict[int, _Stream] = {}
        self._waiting: deque[tuple[int, Request]] = deque()
        self._spoken = _spoken()
        if self._wire.get_extra_info("ssl_object").selected_alpn_protocol() != "h2":
            self.close()
            raise Unreachable("It does not speak HTTP/2.")

    def post(self, requests: Sequence[Request], *, ends: float) -> Iterator[tuple[int, Answer]]:
        """Post all of them by `ends`; answers come as they are known, each with its place."""
        self._waiting.extend(enumerate(requests))
        try:
            while self._waiting or self._streams:
                self._write(ends)
                yield from self._read(ends)
        except _BROKEN as error:
            self._leaving = True
            yield from self._given_up(type(error).__name__)
        finally:
            if self._leaving or self._streams or self._waiting:
                self.close()

    def is_usable(self, *, now: float) -> bool:
        """Whether more can be posted: the other side may have said goodbye meanwhile."""
        try:
            if not self._leaving and self._wire.get_extra_info("is_readable"):
                list(self._read(now + LONGEST_LOOK))
        except httpcore.ReadTimeout:
            pass
        except _BROKEN:
            self._leaving = True
        return not self._leaving

    def close(self) -> None:
        """Hang up."""
        self._leaving = True
        self._wire.close()

    def _write(self, ends: float) -> None:
        while self._waiting and self._may_open():
            place, request = self._waiting.popleft()
            number = self._spoken.get_next_available_stream_id()
            self._spoken.send_headers(number, self._headers(request))
            self._streams[number] = _Stream(place, memoryview(request.body))
        for number, stream in self._streams.items():
            self._write_body(number, stream)
        self._flush(ends)

    def _flush(self, ends: float) -> None:
        if said := self._spoken.data_to_send():
            self._wire.write(said, ends)

    def _may_open(self) -> bool:
        most = self._spoken.remote_settings.max_concurrent_streams
        return self._settled and not self._leaving and self._spoken.open_outbound_streams < most

    def _headers(self, request: Request) -> list[tuple[str, str]]:
        port = "" if self._host.port == 443 else f":{self._host.port}"
        return [
            (":method", "POST"),
            (":scheme", "https"),
            (":authority", f"{self._host.host}{port}"),
            (":path", request.path),
            ("content-length", str(len(request.body))),
            *request.headers,
        ]

    def _write_body(self, number: int, stream: _Stream) -> None:
        """As much as the other side has room for."""
        while stream.rest:
            room = self._spoken.local_flow_control_window(number)
            size = min(room, self._spoken.max_outbound_frame_size, len(stream.rest))
            if size <= 0:
                return
            part, stream.rest = stream.rest[:size], stream.rest[size:]
            self._spoken.send_data(number, bytes(part), end_stream=not stream.rest)

    def _read(self, ends: float) -> Iterator[tuple[int, Answer]]:
        data = self._wire.read(READ, ends)
        if not data:
            raise httpcore.RemoteProtocolError
        for frame in self._frames(data):
            for event in self._events(frame):
                yield from self._heard(event)
        self._flush(ends)

    def _frames(self, data: bytes) -> Iterator[bytes]:
        """Frame by frame, because h2 takes nothing behind a goodbye until it is told to."""
        self._unread += data
        while len(self._unread) >= FRAME_HEADER:
            length = int.from_bytes(self._unread[:3], "big")
            if length > self._spoken.max_inbound_frame_size:
                raise httpcore.RemoteProtocolError
            if len(self._unread) < FRAME_HEADER + length:
                return
            end = FRAME_HEADER + length
            frame, self._unread = self._unread[:end], self._unread[end:]
            yield frame

    def _events(self, frame: bytes) -> list[h2.events.Event]:
        try:
            return self._spoken.receive_data(frame)
        except h2.exceptions.ProtocolError as error:
            raise httpcore.RemoteProtocolError from error

    def _heard(self, event: h2.events.Event) -> Iterator[tuple[int, Answer]]:
        match event:
            case h2.events.RemoteSettingsChanged():
                self._settled = True
            case h2.events.ResponseReceived(stream_id=number, headers=headers):
                self._begun(number, headers)
            case h2.events.DataReceived(stream_id=number):
                self._continued(number, event)
            case h2.events.StreamEnded(stream_id=number):
                yield from self._ended(number)
            case h2.events.StreamReset(stream_id=number, error_code=code):
                yield from self._reset(number, code)
            case h2.events.ConnectionTerminated(last_stream_id=last):
                yield from self._goodbye(last or 0)

    def _begun(self, number: int, headers: Iterable[Any]) -> None:
        if stream := self._streams.get(number):
            named = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
            status = named.pop(":status")
            stream.status = int(status) if _STATUS.fullmatch(status) else 0
            stream.headers = httpx.Headers(named)

    def _continued(self, number: int, event: h2.events.DataReceived) -> None:
        if event.flow_controlled_length:
            self._spoken.acknowledge_received_data(event.flow_controlled_length, number)
        stream = self._streams.get(number)
        if stream and len(stream.body) < MAX_BODY:
            stream.body += event.data

    def _ended(self, number: int) -> Iterator[tuple[int, Answer]]:
        if stream := self._streams.pop(number, None):
            if stream.rest:
                self._spoken.reset_stream(number, ErrorCodes.NO_ERROR)
            yield stream.place, stream.answer

    def _reset(self, number: int, code: ErrorCodes | int) -> Iterator[tuple[int, Answer]]:
        stream = self._streams.pop(number, None)
        if stream is None:
            return
        if stream.status:
            yield stream.place, stream.answer
        elif code == ErrorCodes.REFUSED_STREAM:
            yield stream.place, Unreachable("refused_stream")
        else:
            yield stream.place, NoAnswer("reset")

    def _goodbye(self, last: int) -> Iterator[tuple[int, Answer]]:
        """What it will not look at was not taken; the rest may still be answered."""
        self._leaving = True
        # h2 calls the connection closed, yet RFC 9113 section 6.8 lets the streams before it end.
        self._spoken.state_machine.state = ConnectionState.CLIENT_OPEN
        for number in [number for number in self._streams if number > last]:
            yield self._streams.pop(number).place, Unreachable("goaway")
        while self._waiting:
            yield self._waiting.popleft()[0], Unreachable("goaway")

    def _given_up(self, why: str) -> Iterator[tuple[int, Answer]]:
        while self._streams:
            _, stream = self._streams.popitem()
            # Half a request is none.
            yield stream.place, Unreachable(why) if stream.rest else NoAnswer(why)
        while self._waiting:
            yield self._waiting.popleft()[0], Unreachable(why)


def _spoken() -> h2.connection.H2Connection:
    config = h2.config.H2Configuration(client_side=True)
    made = h2.connection.H2Connection(config)
    asked = {
        SettingCodes.ENABLE_PUSH: 0,
        SettingCodes.MAX_CONCURRENT_STREAMS: 100,
        SettingCodes.MAX_HEADER_LIST_SIZE: MOST_HEADERS,
    }
    made.local_settings = Settings(client=True, initial_values=asked)
    made.initiate_connection()
    return made
