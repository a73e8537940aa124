"""A mail service with an HTTP API in the words of Postmark, on a real socket, that does as told."""

import json
import socket
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True)
class Reply:
    """What to answer to a call."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


DROP = object()  # take the call, then close the connection
HANG = object()  # take the call, never answer


class MailApi:
    """Listens on a free port of 127.0.0.1 while it is entered."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.stopped = threading.Event()
        self.script: deque[Any] = deque()

    def on_call(self, *replies: Any) -> None:
        """What to do at the next calls, in this order: a Reply, DROP or HANG."""
        self.script.extend(replies)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/"

    def __enter__(self) -> Self:
        self._http = _Http(("127.0.0.1", 0), _Call)
        self._http.api = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    api: MailApi

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients go away; that is what is tested."""


class _Call(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Http

    def do_POST(self) -> None:
        api = self.server.api
        api.taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        reply = api.script.popleft() if api.script else self._accepted(api.taken[-1])
        if reply is HANG:
            api.stopped.wait()
        if reply in (HANG, DROP):
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        for name, value in {"Content-Length": str(len(body)), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _accepted(self, letter: dict[str, Any]) -> Reply:
        number = len(self.server.api.taken)
        return Reply(
            body={"ErrorCode": 0, "Message": "OK", "MessageID": f"pm-{number}", "To": letter["To"]}
        )

    def log_message(self, *_: object) -> None:
        """Quiet."""
