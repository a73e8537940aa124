"""Open tabs: `python -m bench.tabs URL`, given {user id: token} as a line of JSON.

Tells how many sockets are open; at the end of standard input, each hint that came and when, and
how many items each of those people finds who are read anew.
"""

import asyncio
import json
import sys
import time
from collections.abc import Mapping
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

AT_ONCE = 20  # sockets that are being opened


class Tabs:
    """All tabs of one process."""

    def __init__(self, url: str, tokens: Mapping[str, str]) -> None:
        self._url, self._tokens = url, tokens
        self.hints: list[tuple[str, float]] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Open them all."""
        doors = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(self._open(doors, *one) for one in self._tokens.items()))

    async def _open(self, doors: asyncio.Semaphore, person: str, token: str) -> None:
        async with doors:
            socket = await connect(
                f"{self._url.replace('http', 'ws', 1)}/ws/inbox/",
                origin=Origin(self._url),
                subprotocols=[Subprotocol("notifysite.inbox"), Subprotocol(token)],
                compression=None,
                ping_interval=None,
                open_timeout=60,
                proxy=None,
            )
            await socket.recv()  # hello
        self._tasks.append(asyncio.create_task(self._listen(person, socket)))

    async def _listen(self, person: str, socket: ClientConnection) -> None:
        async for frame in socket:
            at = time.monotonic()
            if json.loads(frame)["type"] == "hint":
                self.hints.append((person, at))

    def read_again(self, people: list[str]) -> dict[str, int]:
        """How many items each of these people has, as a tab finds out that connects anew."""
        with httpx.Client(trust_env=False, timeout=30) as client:
            return {person: self._items(client, person) for person in people}

    def _items(self, client: httpx.Client, person: str) -> int:
        headers = {"Authorization": f"Bearer {self._tokens[person]}"}
        answer = client.get(f"{self._url}/api/v1/inbox?since=0&limit=100", headers=headers)
        return len(answer.raise_for_status().json()["results"])


async def main(url: str) -> dict[str, Any]:
    """Open, listen, read again."""
    tabs = Tabs(url, json.loads(sys.stdin.readline()))
    await tabs.open()
    print(len(tabs._tasks), flush=True)
    people = json.loads(await asyncio.to_thread(sys.stdin.readline))
    hints = list(tabs.hints)
    items = await asyncio.to_thread(tabs.read_again, people)
    return {"hints": hints, "items": items}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1]))), flush=True)
