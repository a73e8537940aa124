"""A person's open tab, as the inbox asks clients to be: hints are hints, the list is the truth."""

import json
import threading
import time
from contextlib import suppress

import httpx
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

AGAIN_AFTER = 0.5  # seconds until a broken connection is made again
PATIENCE = 10.0


class Tab:
    """Listens to `/ws/inbox/` of the web process at `url`, and reads on from the last number it
    knows whenever it is told to, or has connected anew.
    """

    def __init__(self, url: str, *, token: str) -> None:
        self.seqs: set[int] = set()
        self._url, self._token = url, token
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def open(self) -> "Tab":
        """Connect, and go on until `close`."""
        self._thread.start()
        return self

    def wait_for(self, items: int, *, within: float) -> float:
        """Wait until so many items are here; returns the seconds it took, `within` at most."""
        began = time.monotonic()
        while len(self.seqs) < items and time.monotonic() - began < within:
            time.sleep(0.02)
        return time.monotonic() - began

    def close(self) -> None:
        """Disconnect."""
        self._over.set()
        self._thread.join()

    def _listen(self) -> None:
        while not self._over.is_set():
            with suppress(OSError, WebSocketException, httpx.HTTPError):
                self._connected()
            self._over.wait(AGAIN_AFTER)

    def _connected(self) -> None:
        with connect(
            f"{self._url.replace('http', 'ws', 1)}/ws/inbox/",
            origin=Origin(self._url),
            subprotocols=[Subprotocol("notifysite.inbox"), Subprotocol(self._token)],
            open_timeout=PATIENCE,
            proxy=None,
        ) as socket:
            while not self._over.is_set():
                with suppress(TimeoutError):
                    self._told(json.loads(socket.recv(timeout=0.2)))

    def _told(self, message: dict[str, object]) -> None:
        if message["type"] in ("hello", "hint") and int(str(message["seq"])) > self._known:
            self._read_on()

    @property
    def _known(self) -> int:
        return max(self.seqs, default=0)

    def _read_on(self) -> None:
        page: str | None = f"{self._url}/api/v1/inbox?since={self._known}&limit=100"
        headers = {"Authorization": f"Bearer {self._token}"}
        with httpx.Client(trust_env=False, timeout=PATIENCE, headers=headers) as client:
            while page:
                answer = client.get(page).raise_for_status().json()
                self.seqs |= {item["seq"] for item in answer["results"]}
                page = answer["next"]
