"""A mail server that takes everything, counts it, and costs little: `python -m bench.sink PORT`.

It offers PIPELINING (RFC 2920), answers each letter after `--delay` seconds, and writes what it has
taken to standard output when a line comes in on standard input.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable

END = b"\r\n.\r\n"
HELLO = b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 52428800\r\n"


class Sink(asyncio.Protocol):
    """One connection."""

    taken = 0
    delay = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._read = b""
        self._letter = False
        self._transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        """Answer all commands that are whole; what is said at once is answered at once."""
        self._read += data
        said: list[bytes] = []
        while (self._letter_end if self._letter else self._command)(said):
            pass
        if said:
            self._transport.write(b"".join(said))

    def _letter_end(self, said: list[bytes]) -> bool:
        # The dot of an empty letter stands on its first line.
        end = 0 if self._read.startswith(b".\r\n") else self._read.find(END)
        if end < 0:
            return False
        self._read = self._read[end + (3 if end == 0 else len(END)) :]
        self._letter = False
        Sink.taken += 1
        if Sink.delay:
            asyncio.get_running_loop().call_later(Sink.delay, self._transport.write, b"250 OK\r\n")
        else:
            said.append(b"250 OK\r\n")
        return True

    def _command(self, said: list[bytes]) -> bool:
        line, end, rest = self._read.partition(b"\r\n")
        if not end:
            return False
        self._read = rest
        verb = line[:4].upper()
        if verb == b"DATA":
            self._letter = True
            said.append(b"354 go on\r\n")
        elif verb == b"QUIT":
            self._transport.write(b"".join([*said, b"221 bye\r\n"]))
            said.clear()
            self._transport.close()
        else:
            said.append(HELLO if verb == b"EHLO" else b"250 OK\r\n")
        return True


async def serve(port: int, tell: Callable[[int], None]) -> None:
    """Listen until standard input ends; tell the port, then the count for each line."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Sink, "127.0.0.1", port)
    tell(server.sockets[0].getsockname()[1])
    while await asyncio.to_thread(sys.stdin.readline):
        tell(Sink.taken)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int, nargs="?", default=0)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds until a letter's answer")
    asked = parser.parse_args()
    Sink.delay = asked.delay
    asyncio.run(serve(asked.port, lambda number: print(number, flush=True)))
