"""A real server in a thread, and tabs that connect to it."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

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
        application,
        host="127.0.0.1",
        port=0,
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,  # as `make run` has it
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
