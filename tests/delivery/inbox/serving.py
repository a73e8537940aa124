"""A real server in a thread, tabs that connect to it, and a wire to Redis that can be cut."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import httpx
import uvicorn
from websockets.sync.client import ClientConnection, connect

PATIENCE = 20  # seconds until a test gives up waiting; no test is meant to take them


@dataclass(frozen=True, slots=True)
class Site:
    """Where the server listens."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def tab(self, token: str = "", *, origin: str | None = "http://testserver", **more):
        """Open a socket as a page of this origin would."""
        return connect(
            f"ws://127.0.0.1:{self.port}/ws/inbox/?token={token}", origin=origin, proxy=None, **more
        )

    @contextlib.contextmanager
    def stream(self, path: str, token: str, **headers: str) -> Iterator[httpx.Response]:
        """Open an event stream."""
        address = f"{self.url}{path}?token={token}"
        with (
            httpx.Client(trust_env=False, timeout=PATIENCE) as client,
            client.stream("GET", address, headers=headers) as answer,
        ):
            yield answer


@contextlib.contextmanager
def serve(application) -> Iterator[Site]:
    """Serve an ASGI application on a free port of this machine."""
    config = uvicorn.Config(
        application, host="127.0.0.1", port=0, lifespan="off", log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started)
    try:
        yield Site(server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        thread.join()


def wait_until(condition) -> None:
    """Wait for something another thread does."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.01)


def heard(tab: ClientConnection) -> dict:
    """The next message a tab gets."""
    return json.loads(tab.recv(timeout=PATIENCE))


def heard_until(tab: ClientConnection, **wanted) -> dict:
    """The first message with these fields; hints may be folded or told again before it."""
    while True:
        message = heard(tab)
        if wanted.items() <= message.items():
            return message


class Wire:
    """A wire to Redis: while it is cut, nobody answers."""

    def __init__(self, redis_url: str) -> None:
        self._target = urlsplit(redis_url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._whole = threading.Event()
        self._whole.set()
        self._ends: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def cut(self) -> None:
        self._whole.clear()
        for end in self._ends:
            _hang_up(end)

    def mend(self) -> None:
        self._whole.set()

    def close(self) -> None:
        self.cut()
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for end in (*self._ends, self._listener):
            end.close()

    def _start(self, work, *args) -> None:
        thread = threading.Thread(target=work, args=args)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self._ends.append(near)
                if not self._whole.is_set():
                    _hang_up(near)
                    continue
                far = self._far_end()
                self._ends.append(far)
                self._start(self._pass_on, near, far)
                self._start(self._pass_on, far, near)

    def _far_end(self) -> socket.socket:
        if self._target.scheme == "unix":
            end = socket.socket(socket.AF_UNIX)
            end.connect(unquote(self._target.path))
            return end
        return socket.create_connection((self._target.hostname, self._target.port or 6379))

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        _hang_up(source)
        _hang_up(target)


def _hang_up(end: socket.socket) -> None:
    # The other side may have gone first.
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
