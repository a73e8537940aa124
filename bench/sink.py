"""A mail server that takes everything, counts it, and costs little: `python -m bench.sink PORT`.

It offers PIPELINING (RFC 2920), answers each letter after `--delay` seconds, and writes how many it
has taken to standard output when a line comes in on standard input. With `--journal FILE` the line
`journal` has it write there, too, when (on the monotonic clock) and for whom each letter came. With
`--speak http` it is a provider that is posted JSON, with whom it is for in `to`.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

END = b"\r\n.\r\n"
HELLO = b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 52428800\r\n"


class Sink(asyncio.Protocol):
    """One connection."""

    taken = 0
    delay = 0.0
    journal: list[tuple[float, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._read = b""
        self._letter = False
        self._thinking = False  # about the answer to a letter: whatever follows it has to wait
        self._recipient = b""
        self._transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        """Answer all commands that are whole; what is said at once is answered at once."""
        self._read += data
        if not self._thinking:
            self._go_on([])

    def _go_on(self, said: list[bytes]) -> None:
        while not self._thinking and (self._letter_end if self._letter else self._command)(said):
            pass
        if said:
            self._transport.write(b"".join(said))

    def _answer_late(self) -> None:
        self._thinking = False
        self._go_on([b"250 OK\r\n"])

    def _letter_end(self, said: list[bytes]) -> bool:
        # The dot of an empty letter stands on its first line.
        end = 0 if self._read.startswith(b".\r\n") else self._read.find(END)
        if end < 0:
            return False
        self._read = self._read[end + (3 if end == 0 else len(END)) :]
        self._letter = False
        self._take(self._recipient)
        if Sink.delay:
            self._thinking = True
            asyncio.get_running_loop().call_later(Sink.delay, self._answer_late)
        else:
            said.append(b"250 OK\r\n")
        return True

    def _take(self, recipient: bytes) -> None:
        Sink.taken += 1
        if Sink.journal is not None:
            Sink.journal.append((time.monotonic(), recipient))

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
            if verb == b"RCPT":
                self._recipient = line[line.find(b"<") + 1 : line.rfind(b">")]
            said.append(HELLO if verb == b"EHLO" else b"250 OK\r\n")
        return True


class HttpSink(Sink):
    """One connection of a provider's HTTP API."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say nothing yet."""
        self._transport = transport  # type: ignore[assignment]
        self._read = b""

    def data_received(self, data: bytes) -> None:
        """Answer a post once it is whole."""
        self._read += data
        head, end, body = self._read.partition(b"\r\n\r\n")
        at = head.lower().find(b"content-length:") + 15
        if not end or len(body) < int(head[at:].partition(b"\r\n")[0]):
            return
        self._read = b""
        self._take(json.loads(body)["to"].encode())
        answer = b'{"id": "%d"}' % Sink.taken
        said = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(answer), answer)
        asyncio.get_running_loop().call_later(Sink.delay, self._transport.write, said)


def write_journal(file: Path) -> None:
    """What has been noted so far, one letter a line."""
    noted = Sink.journal or []
    file.write_text("".join(f"{at:.6f} {recipient.decode()}\n" for at, recipient in noted))


async def serve(
    port: int, tell: Callable[[int], None], *, kind: type[Sink] = Sink, journal: Path | None = None
) -> None:
    """Listen until standard input ends; tell the port, then the count for each line."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(kind, "127.0.0.1", port)
    tell(server.sockets[0].getsockname()[1])
    while line := await asyncio.to_thread(sys.stdin.readline):
        if journal and line.strip() == "journal":
            write_journal(journal)
        tell(Sink.taken)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int, nargs="?", default=0)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds until a letter's answer")
    parser.add_argument("--journal", type=Path, help="where to note when each letter came")
    parser.add_argument("--speak", choices=["smtp", "http"], default="smtp")
    asked = parser.parse_args()
    Sink.delay = asked.delay
    Sink.journal = [] if asked.journal else None
    tell = partial(print, flush=True)
    kind = HttpSink if asked.speak == "http" else Sink
    asyncio.run(serve(asked.port, tell, kind=kind, journal=asked.journal))
