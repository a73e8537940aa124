"""A fake of an HTTP/2 service over TLS: streams, windows, goodbyes and resets are real."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import httpx
from h2.errors import ErrorCodes
from h2.settings import SettingCodes

from tests.fakes.certificates import server_context
from tests.fakes.service import DROP, GARBAGE, Reply, Service, Taken

REFUSE = object()  # refuse the stream: it was not looked at
CUT = object()  # close the whole connection
_RESETS: Mapping[object, ErrorCodes] = {
    DROP: ErrorCodes.INTERNAL_ERROR,
    REFUSE: ErrorCodes.REFUSED_STREAM,
}


@dataclass(frozen=True)
class Goodbye:
    """Take no stream after this one, and hang up; this one is answered only with a `reply`."""

    reply: Reply | None = None
    taken: bool = True  # whether this one counts as looked at


class Http2Service(Service):
    """Listens on a free port of 127.0.0.1; `streams` is how many it takes at a time."""

    def __init__(self, *, streams: int = 100) -> None:
        super().__init__(tls=server_context())
        self.streams = streams
        self.most_streams = 0  # that were ever under way at a time
        self._tls.set_alpn_protocols(["h2"])
        self._open: set[ssl.SSLSocket] = set()

    @property
    def origin(self) -> str:
        return f"https://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()
        return self

    def close(self) -> None:
        """Listen no more, and hang up."""
        if self.stopped.is_set():
            return
        self.stopped.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()
        self.hang_up()

    def hang_up(self) -> None:
        """Close all connections that are open, and listen on."""
        for wire in list(self._open):
            with contextlib.suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)

    def _listen(self) -> None:
        while not self.stopped.is_set():
            try:
                raw, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(raw,), daemon=True).start()

    def _serve(self, raw: socket.socket) -> None:
        with (
            contextlib.suppress(OSError, h2.exceptions.ProtocolError),
            self._tls.wrap_socket(raw, server_side=True) as wire,
        ):
            self._open.add(wire)
            try:
                _Talk(self, wire).run()
            finally:
                self._open.discard(wire)


@dataclass
class _Call:
    headers: httpx.Headers
    method: str
    path: str
    body: bytearray = field(default_factory=bytearray)


class _Talk:
    """One connection."""

    def __init__(self, service: Http2Service, wire: ssl.SSLSocket) -> None:
        self._service = service
        self._wire = wire
        self._calls: dict[int, _Call] = {}
        self._answers: dict[int, tuple[memoryview, bool]] = {}  # what is left to write, and cut
        self._last: int | None = None
        config = h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        self._spoken = h2.connection.H2Connection(config)
        self._spoken.local_settings[SettingCodes.MAX_CONCURRENT_STREAMS] = service.streams
        self._streams = service.streams

    def run(self) -> None:
        self._spoken.initiate_connection()
        self._spoken.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: self._streams})
        self._flush()
        while data := self._wire.recv(65536):
            for event in self._spoken.receive_data(data):
                if not self._heard(event):
                    return
            self._go_on()
            self._flush()
            if self._last is not None and not self._answers:
                return

    def _heard(self, event: h2.events.Event) -> bool:
        match event:
            case h2.events.RequestReceived(stream_id=number, headers=headers):
                named = dict(headers)
                method, path = named.pop(":method"), named.pop(":path")
                self._calls[number] = _Call(httpx.Headers(named), method, path)
                under_way = len(self._calls) + len(self._answers)
                self._service.most_streams = max(self._service.most_streams, under_way)
            case h2.events.DataReceived(stream_id=number):
                self._calls[number].body += event.data
                self._spoken.acknowledge_received_data(event.flow_controlled_length, number)
            case h2.events.StreamEnded(stream_id=number):
                return self._answer(number)
        return True

    def _answer(self, number: int) -> bool:
        """False where the connection is over."""
        call = self._calls.pop(number)
        if self._last is not None:
            return True  # what comes after a goodbye is not looked at
        reply = self._service.take(Taken(call.method, call.path, call.headers, bytes(call.body)))
        if self._streams != self._service.streams:
            self._streams = self._service.streams
            self._spoken.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: self._streams})
        if not isinstance(reply, Reply | Goodbye) and reply in _RESETS:
            self._spoken.reset_stream(number, _RESETS[reply])
        elif isinstance(reply, Goodbye):
            self._say_goodbye(number, reply)
        elif isinstance(reply, Reply):
            self._begin(number, reply)
        elif reply is GARBAGE:
            self._flush()
            self._wire.sendall(b"\x00\x00\x05\x00\x00\x00\x00\x00\x00what?")
        return reply is not CUT

    def _say_goodbye(self, number: int, said: Goodbye) -> None:
        self._flush()
        self._last = number if said.taken else max(number - 2, 0)
        # h2 sends nothing after a goodbye, as a real one may: so the frame is written by hand.
        frame = bytes.fromhex("000008070000000000") + self._last.to_bytes(4, "big") + bytes(4)
        self._wire.sendall(frame)
        if said.reply:
            self._begin(number, said.reply)

    def _begin(self, number: int, reply: Reply) -> None:
        headers = [(":status", str(reply.status))]
        headers += [(name.lower(), value) for name, value in reply.headers.items()]
        self._spoken.send_headers(number, headers, end_stream=not reply.content)
        if reply.content:
            content = memoryview(reply.content[: reply.cut])
            self._answers[number] = content, reply.cut is not None

    def _go_on(self) -> None:
        """As much of the answers as the client has room for."""
        for number, (rest, cut) in list(self._answers.items()):
            while rest and (room := self._spoken.local_flow_control_window(number)):
                size = min(room, self._spoken.max_outbound_frame_size, len(rest))
                last = size == len(rest) and not cut
                self._spoken.send_data(number, bytes(rest[:size]), end_stream=last)
                rest = rest[size:]
            self._answers[number] = rest, cut
            if not rest:
                del self._answers[number]
                if cut:
                    self._spoken.reset_stream(number, ErrorCodes.INTERNAL_ERROR)

    def _flush(self) -> None:
        self._wire.sendall(self._spoken.data_to_send())
