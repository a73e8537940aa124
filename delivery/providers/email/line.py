"""One SMTP connection: letters over it one after the other, each with its own answer.

Where the server can (RFC 2920), the envelope of the next letter follows on the heels of the one
before, so that a letter costs one round trip and not four.
"""

import re
import smtplib
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, cast

from django.core.mail.backends.smtp import EmailBackend

from delivery.lifecycle import OutcomeKind
from delivery.providers.email.letter import Letter, Refused
from delivery.providers.email.replies import Answer, Phase

LEAVE_SECONDS: Final = 2.0
SERVICE_CLOSING: Final = 421
GO_AHEAD: Final = 354

_LINE_END = re.compile(rb"\r\n|\r|\n")
_LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)


@dataclass(frozen=True, slots=True, eq=False)
class Post:
    """A letter as it goes over the wire, up to its final dot."""

    letter: Letter
    content: bytes

    @classmethod
    def of(cls, letter: Letter) -> "Post":
        """Only CRLF ends a line, so nothing inside can be taken for the final dot (RFC 5321,
        4.5.2). Raises Refused."""
        content = letter.as_bytes()
        if not content.count(b"\r\n") == content.count(b"\n") == content.count(b"\r"):
            content = _LINE_END.sub(b"\r\n", content)
        whole = content if content.endswith(b"\r\n") else content + b"\r\n"
        return cls(letter, _LEADING_DOT.sub(b"..", whole) if b"\n." in whole else whole)


class Line:
    """An open connection. `is_usable` says whether another letter may be tried on it."""

    def __init__(self, backend: EmailBackend) -> None:
        self.is_usable = True
        self._backend = backend
        self._smtp = cast("smtplib.SMTP", backend.connection)
        self._sock = cast("socket.socket", self._smtp.sock)
        # The final dot is written by itself; it must not wait for the acknowledgement of the rest.
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._replies = _Replies(self._sock)
        if self._smtp.file is not None:
            self._smtp.file.close()
        self._smtp.file = self._replies
        self.pipelines = self._smtp.has_extn("pipelining")
        self._offered: Post | None = None
        self._open = False  # a letter was begun and not ended: the server is to forget it first

    def offer(self, post: Post, *, until: float) -> Answer | None:
        """Say who the letter is from and to; None when the server waits for it. `until` is on the
        monotonic clock. Raises Refused for one that this server cannot take."""
        try:
            if self._offered is not post:
                self._say_envelope(post, until=until)
            return self._envelope_answered(post, until=until)
        except OSError as error:
            return self._lost(Phase.MAIL, error)

    def hand_over(self, post: Post, *, until: float, final: float, after: Post | None) -> Answer:
        """Write the letter that was offered, and offer the one `after` it; the answer to the dot,
        for which the server has `final` seconds."""
        try:
            self._write(post.content, until=until)
        except OSError as error:
            return self._lost(Phase.DATA, error)
        ends = time.monotonic() + final
        try:
            self._open = False
            self._write(b".\r\n" + self._envelope_after(after), until=ends)
            return self._reply(Phase.DOT)
        except OSError as error:
            return self._lost(Phase.DOT, error)

    def quit(self) -> None:
        """Take leave politely."""
        self._replies.until = time.monotonic() + LEAVE_SECONDS
        with suppress(OSError):
            self._smtp.quit()
        self.drop()

    def drop(self) -> None:
        """Close without a word."""
        self._smtp.close()
        self._backend.connection = None

    def _say_envelope(self, post: Post, *, until: float) -> None:
        envelope = self._envelope(post)
        if self._open:
            self._write(b"RSET\r\n", until=until)
            if self._reply(Phase.MAIL).code != 250:
                raise ConnectionAbortedError
            self._open = False
        if self.pipelines:
            self._write(envelope, until=until)

    def _envelope_answered(self, post: Post, *, until: float) -> Answer | None:
        """Each command's answer in turn; the first that refuses is the letter's."""
        self._offered = None
        self._replies.until = until
        refusal: Answer | None = None
        for phase, command in _commands(post, self._options(post)):
            if not self.pipelines:
                if refusal is not None:
                    break
                self._write(command, until=until)
            self._open = True
            answer = self._reply(phase)
            if not self.is_usable:
                return refusal or answer
            if refusal is not None and answer.code == GO_AHEAD:
                return self._take_back(refusal)
            refusal = refusal or (None if _goes_on(answer) else answer)
        return refusal

    def _take_back(self, refusal: Answer) -> Answer:
        # RFC 2920, 3.1: a server may want the letter though it has refused everybody it is to.
        self._smtp.send(b".\r\n")
        self._reply(Phase.DOT)
        return refusal

    def _envelope_after(self, after: Post | None) -> bytes:
        if after is None:
            return b""
        try:
            envelope = self._envelope(after)
        except Refused:
            return b""  # it hears so when its turn has come
        self._offered = after
        return envelope

    def _envelope(self, post: Post) -> bytes:
        return b"".join(command for _, command in _commands(post, self._options(post)))

    def _options(self, post: Post) -> str:
        options = f" SIZE={len(post.content)}" if self._smtp.has_extn("size") else ""
        if not post.letter.recipient.international:
            return options
        if not self._smtp.has_extn("smtputf8"):
            raise Refused(
                OutcomeKind.REFUSED_MESSAGE,
                "no_smtputf8",
                "The server takes no mailboxes with letters outside ASCII.",
            )
        return f"{options} BODY=8BITMIME SMTPUTF8"

    def _reply(self, phase: Phase) -> Answer:
        try:
            code, text = self._smtp.getreply()
        except OSError as error:
            return self._lost(phase, error)
        if code < 0:
            self.is_usable = False
            return Answer(phase, 0, "garbled")
        self.is_usable = code != SERVICE_CLOSING
        return Answer(phase, code, text.decode(errors="replace"))

    def _write(self, said: bytes, *, until: float) -> None:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._replies.until = until
        self._sock.settimeout(left)
        self._smtp.send(said)

    def _lost(self, phase: Phase, error: OSError) -> Answer:
        self.is_usable = False
        return Answer(phase, 0, word_of(error))


class _Replies:
    """What smtplib reads replies from; it stops at a moment, however slowly bytes drip in."""

    def __init__(self, sock: socket.socket) -> None:
        self.until = time.monotonic()
        self._sock = sock
        self._read = b""

    def readline(self, limit: int) -> bytes:
        """A line with its end, or what there is when the limit or the end comes first."""
        while b"\n" not in self._read and len(self._read) < limit:
            left = self.until - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._sock.settimeout(left)
            more = self._sock.recv(4096)
            if not more:
                break
            self._read += more
        end = min(self._read.find(b"\n") + 1 or limit, limit)
        line, self._read = self._read[:end], self._read[end:]
        return line

    def close(self) -> None:
        """Part of being a file; the socket belongs to smtplib."""


def _commands(post: Post, options: str) -> Iterator[tuple[Phase, bytes]]:
    yield Phase.MAIL, f"MAIL FROM:<{post.letter.sender}>{options}\r\n".encode()
    yield Phase.RCPT, f"RCPT TO:<{post.letter.recipient}>\r\n".encode()
    yield Phase.DATA, b"DATA\r\n"


def _goes_on(answer: Answer) -> bool:
    if answer.phase is Phase.DATA:
        return answer.code == GO_AHEAD
    return 200 <= answer.code < 300


def word_of(error: BaseException) -> str:
    """What really happened: smtplib tells every end of a connection alike."""
    return type(error.__context__ or error).__name__
