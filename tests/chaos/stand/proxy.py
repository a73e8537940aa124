"""A TCP proxy that does to connections what networks do.

It passes, cuts, refuses, swallows, dawdles, or drops a PostgreSQL connection between COMMIT and
its answer. It runs in a thread of the test, in front of a socket or a port.
"""

import asyncio
import random
import socket
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

CHUNK = 64 * 1024
COMMIT = b"COMMIT"


class Proxy:
    """Listens on a free port of 127.0.0.1; what it does now is changed from the test's thread."""

    def __init__(self, upstream: Path | tuple[str, int], *, seed: str = "") -> None:
        self.port = 0
        self.accepted = 0  # connections taken so far
        self.dropped = 0  # connections lost between COMMIT and its answer
        self._upstream = upstream
        self._luck = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._passing = asyncio.Event()
        self._delay, self._drops = 0.0, 0

    def start(self) -> None:
        """Listen, and pass everything on."""
        self._thread.start()
        self._do(self._listen)
        self.heal()

    def stop(self) -> None:
        """End all connections and the thread."""
        self._do(self._stop_listening)
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def heal(self) -> None:
        """Pass everything on, at once; what was held back arrives late."""

        async def healed() -> None:
            self._delay, self._drops = 0.0, 0
            self._passing.set()
            await self._listen()

        self._do(healed)

    def cut(self) -> int:
        """Reset all connections there are; new ones pass. Returns how many it cut."""

        async def all_cut() -> int:
            cut = list(self._connections)
            for one in cut:
                one.cancel()
            await asyncio.gather(*cut, return_exceptions=True)
            return len(cut)

        return self._do(all_cut)

    def refuse(self) -> None:
        """Take no new connections, and cut those there are."""
        self._do(self._stop_listening)
        self.cut()

    def swallow(self) -> None:
        """Take connections and bytes, and never answer: a black hole."""

        async def swallowed() -> None:
            self._passing.clear()

        self._do(swallowed)

    def slow(self, seconds: float) -> None:
        """Hold every piece of data back for a while, in both directions."""

        async def slowed() -> None:
            self._delay = seconds

        self._do(slowed)

    def drop_after_commit(self, times: int) -> None:
        """Reset the next so many PostgreSQL connections right after the client sent COMMIT.

        Whether the COMMIT still reaches the server is drawn by lot; its answer never comes.
        """

        async def armed() -> None:
            self._drops = times

        self._do(armed)

    def _do(self, what: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        return asyncio.run_coroutine_threadsafe(what(), self._loop).result(10)

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._taken, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def _taken(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = self._loop.create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        task.add_done_callback(lambda _: _reset(writer))  # also of one cut before it began

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back: asyncio.StreamWriter | None = None
        try:
            await self._passing.wait()
            far, back = await self._dial()
            ways = (self._carry(reader, back, forth=True), self._carry(far, writer, forth=False))
            pumps = [self._loop.create_task(way) for way in ways]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            pass  # the other side is down, or we were told to cut
        finally:
            if back is not None:
                back.close()  # what was written still arrives

    async def _dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._upstream, Path):
            return await asyncio.open_unix_connection(str(self._upstream))
        return await asyncio.open_connection(*self._upstream)

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, forth: bool
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                if self._delay:
                    await asyncio.sleep(self._delay)
                await self._passing.wait()
                if forth and self._drops and COMMIT in data:
                    self._drop(writer, data)
                    return
                writer.write(data)
                await writer.drain()

    def _drop(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        self._drops -= 1
        self.dropped += 1
        if self._luck.random() < 0.5:
            writer.write(data)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST, as a broken connection is, not with a goodbye."""
    sock = writer.get_extra_info("socket")
    if sock is not None:
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    writer.transport.abort()
