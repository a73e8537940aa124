"""The socket of an SMTP connection: what is written to it, the replies, and the wait for them.

The deadlines are ours, not the socket's: it gives up every now and then, and we look at the clock.
So nothing has to be told to the kernel from letter to letter.
"""

import errno
import smtplib
import socket
import ssl
import struct
import time
from typing import Final

from delivery.providers.base import Watch

# How long the socket waits before we look at the clock again.
PATIENCE_SECONDS: Final = 1.0
# A wait that was shorter is not worth a question to the kernel whose fault it was.
NOTICED_SECONDS: Final = 0.002
LONGEST_LINE: Final = 8192  # of a reply: what smtplib takes; RFC 5321, 4.5.3.1.5, wants 512
_SHORTEST_PATIENCE: Final = 0.001  # the kernel takes none at all for no limit
_LAST_DATA_RECEIVED: Final = 52  # where the kernel's struct tcp_info has it, in milliseconds


class Wire:
    """Writes and reads until a moment, however slowly bytes drip.

    `waited` are the seconds so far in which the server had not answered yet. `taken` is how many
    bytes of what was written last the kernel took; it is exact only where the wire `counts`: under
    TLS nobody knows what became of those of a record that was not written whole. `watch` is told
    what is written and answered, as RFC 5321 shows it: C the client, S the server.
    """

    def __init__(self, sock: socket.socket, *, watch: Watch | None = None) -> None:
        self._watch = watch
        self.waited = 0.0
        self.taken = 0
        self.until = time.monotonic()
        self.counts = not isinstance(sock, ssl.SSLSocket)
        self._sock = sock
        self._read = b""
        self._at = 0  # what comes before it was given away
        # What is small is written at once; it must not wait for the acknowledgement of the rest.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.counts:
            sock.settimeout(None)
        self._patience = 0.0
        self._be_patient(PATIENCE_SECONDS)

    def write(self, said: bytes, *, until: float) -> None:
        """Write all of it. `until` is on the monotonic clock, and holds for the answers, too."""
        self.until = until
        self.taken = 0
        if self._watch and said:
            self._watch(spoken("C", said))
        rest = said
        while rest:
            self._look_at_the_clock()
            try:
                self.taken += self._sock.send(rest)
            except (BlockingIOError, TimeoutError) as error:
                _raise_unless_patience_ended(error)
            else:
                rest = said[self.taken :]

    def reply(self) -> tuple[int, bytes]:
        """The next reply's code and text; a negative code for one that cannot be read."""
        code, text = self._reply()
        if self._watch:
            self._watch(spoken("S", b"%d %s" % (code, text)))
        return code, text

    def _reply(self) -> tuple[int, bytes]:
        line = self._line()
        if line[3:4] != b"-":
            return _code(line), line[4:].strip(b" \t\r\n")
        texts: list[bytes] = []
        while True:
            texts.append(line[4:].strip(b" \t\r\n"))
            code = _code(line)
            if code < 0 or line[3:4] != b"-":
                return code, b"\n".join(texts)
            line = self._line()

    def _line(self) -> bytes:
        """A line with its end, or what there is when the connection ends."""
        while not (end := self._read.find(b"\n", self._at) + 1):
            if len(self._read) - self._at > LONGEST_LINE:
                break
            if not (more := self._receive()):
                end = len(self._read)
                break
            self._read, self._at = self._read[self._at :] + more, 0
        line = self._read[self._at : end or None]
        if not line:
            raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")
        if len(line) > LONGEST_LINE:
            raise smtplib.SMTPResponseException(500, "Line too long.")
        self._at += len(line)
        return line

    def _receive(self) -> bytes:
        began = time.monotonic()
        while True:
            self._look_at_the_clock()
            try:
                more = self._sock.recv(4096)
            except (BlockingIOError, TimeoutError) as error:
                _raise_unless_patience_ended(error)
            else:
                break
        waited = time.monotonic() - began
        if waited > NOTICED_SECONDS:
            # The answer may have been here long before this thread had its turn to look at it.
            waited -= min(waited, _unseen(self._sock))
        self.waited += waited
        return more

    def _look_at_the_clock(self) -> None:
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if left < self._patience or self._patience < PATIENCE_SECONDS:
            self._be_patient(max(_SHORTEST_PATIENCE, min(left, PATIENCE_SECONDS)))

    def _be_patient(self, seconds: float) -> None:
        if seconds == self._patience:
            return
        self._patience = seconds
        if not self.counts:
            self._sock.settimeout(seconds)
            return
        # With a timeout of its own Python would ask before each call whether the socket is ready.
        size = len(self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, 16))
        whole, part = divmod(int(seconds * 1_000_000), 1_000_000)
        limit = struct.pack("qq" if size == 16 else "ii", whole, part)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)


def spoken(who: str, said: bytes) -> str:
    """What was said, for people to read."""
    return "\n".join(f"{who}: {line}" for line in said.decode(errors="replace").splitlines())


def _raise_unless_patience_ended(error: OSError) -> None:
    if error.errno == errno.ETIMEDOUT:  # the connection's end, as the kernel says it
        raise error


def _code(line: bytes) -> int:
    try:
        return int(line[:3])
    except ValueError:
        return -1


def _unseen(sock: socket.socket) -> float:
    """For how many seconds the last bytes that came have been here."""
    if not hasattr(socket, "TCP_INFO"):
        return 0.0
    told = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LAST_DATA_RECEIVED + 4)
    return float(struct.unpack_from("I", told, _LAST_DATA_RECEIVED)[0]) / 1000
