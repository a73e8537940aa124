"""What all fakes of HTTP services share: a real socket, one ledger, and answers on demand.

A fake of a provider subclasses `Service` and says in `answer` what the real one would say to a
request: it checks the login and the payload as that does. What it is told by `on_call` comes first.
"""

import json
import socket
import ssl
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Reply:
    """What to answer to a call; a body that is no bytes is written as JSON.

    `cut`: break the connection off after so many bytes of the body.
    """

    status: int = 200
    body: Any = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


DROP = object()  # take the call, then close the connection
HANG = object()  # take the call, never answer
GARBAGE = object()  # answer in no language


@dataclass(frozen=True)
class Taken:
    """A call as it came; `headers` ignore case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        return {name: values[-1] for name, values in self.forms.items()}

    @property
    def forms(self) -> dict[str, list[str]]:
        return parse_qs(self.body.decode(), keep_blank_values=True)

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.path).query)


class Service:
    """Listens on a free port of 127.0.0.1 while it is entered, in the clear unless given `tls`."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.taken: list[Taken] = []
        self.connections = 0
        self.stopped = threading.Event()
        self._tls = tls
        self._script: deque[Any] = deque()
        self._lock = threading.Lock()

    def on_call(self, *replies: Any) -> None:
        """What to do at the next calls, in this order: a Reply, DROP, HANG or GARBAGE."""
        self._script.extend(replies)

    def answer(self, call: Taken) -> Any:
        """What the real one would answer."""
        raise NotImplementedError

    def take(self, call: Taken) -> Any:
        """Write a call down, say what to answer."""
        with self._lock:
            self.taken.append(call)
            return self._script.popleft() if self._script else self.answer(call)

    @property
    def origin(self) -> str:
        scheme = "https" if self._tls else "http"
        return f"{scheme}://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Self:
        self._http = _Http(("127.0.0.1", 0), _Call)
        self._http.service = self
        if self._tls:
            self._http.socket = self._tls.wrap_socket(self._http.socket, server_side=True)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Listen no more."""
        if self.stopped.is_set():
            return
        self.stopped.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    service: Service

    def process_request(self, request: Any, client_address: Any) -> None:
        self.service.connections += 1
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients go away; that is what is tested."""


class _Call(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One small packet for headers and body: Nagle would hold the second back for 40 ms.
    wbufsize = -1
    server: _Http

    def do_POST(self) -> None:
        service = self.server.service
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        reply = service.take(Taken(self.command, self.path, self.headers, body))
        if reply is HANG:
            service.stopped.wait()
        if reply is GARBAGE:
            self.wfile.write(b"\x00\x01 what?\r\n\r\n")
        if reply in (HANG, DROP, GARBAGE):
            self._break_off()
            return
        self.send_response(reply.status)
        for name, value in {"Content-Length": str(len(reply.content)), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.content[: reply.cut])
        if reply.cut is not None:
            self._break_off()

    do_GET = do_PUT = do_DELETE = do_POST

    def _break_off(self) -> None:
        self.wfile.flush()
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        """Quiet."""
