"""One SMTP connection: letters over it one after the other, each with its own answer.

Where the server can (RFC 2920), the envelope of the next letter follows on the heels of the one
before, so that a letter costs one round trip and not four.
"""

import re
import smtplib
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, cast

from django.core.mail.backends.smtp import EmailBackend

from delivery.lifecycle import OutcomeKind
from delivery.providers.base import Watch
from delivery.providers.email.letter import Letter, Refused
from delivery.providers.email.replies import Answer, Phase
from delivery.providers.email.wire import Wire

LEAVE_SECONDS: Final = 2.0
SERVICE_CLOSING: Final = 421
GO_AHEAD: Final = 354
DOT: Final = b".\r\n"

_ENVELOPE: Final = (Phase.MAIL, Phase.RCPT, Phase.DATA)
_LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)


@dataclass(frozen=True, slots=True, eq=False)
class Post:
    """A letter as it goes over the wire, up to its final dot, and when it was ready."""

    letter: Letter
    content: bytes
    since: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, letter: Letter) -> "Post":
        """No line of it can be taken for the final dot (RFC 5321, 4.5.2). Raises Refused."""
        content = letter.as_bytes()
        whole = content if content.endswith(b"\r\n") else content + b"\r\n"
        return cls(letter, _LEADING_DOT.sub(b"..", whole) if b"\n." in whole else whole)

    def age(self) -> float:
        """For how many seconds it has been ready."""
        return time.monotonic() - self.since


class Line:
    """An open connection. `is_usable` says whether another letter may be tried on it."""

    def __init__(self, backend: EmailBackend, *, watch: Watch | None = None) -> None:
        self.is_usable = True
        self._backend = backend
        self._smtp = cast("smtplib.SMTP", backend.connection)
        self._wire = Wire(cast("socket.socket", self._smtp.sock), watch=watch)
        self.pipelines = self._smtp.has_extn("pipelining")
        self._tells_size = self._smtp.has_extn("size")
        self._offered: Post | None = None
        self._open = False  # a letter was begun and not ended: the server is to forget it first
        self._waited = self._waited_before = 0.0

    @property
    def waited(self) -> float:
        """For how many seconds the server was waited for since the last letter was taken: that was
        when the one before it was about to be written."""
        return self._wire.waited - self._waited_before

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
        self._open = False
        self._waited_before, self._waited = self._waited, self._wire.waited
        wire, size, end = self._wire, len(post.content), DOT + self._envelope_after(after)
        try:
            wire.write(post.content + end if wire.counts else post.content, until=until)
        except OSError as error:
            if wire.taken <= size:
                return self._lost(Phase.DATA, error)
            if not isinstance(error, TimeoutError):
                return self._lost(Phase.DOT, error)
        try:
            wire.write(end[wire.taken - size :], until=time.monotonic() + final)
        except OSError as error:
            return self._lost(Phase.DOT, error)
        return Answer(Phase.DOT, *self._reply())

    def quit(self) -> None:
        """Take leave politely."""
        with suppress(OSError):
            self._wire.write(b"QUIT\r\n", until=time.monotonic() + LEAVE_SECONDS)
            self._wire.reply()
        self.drop()

    def drop(self) -> None:
        """Close without a word."""
        self._smtp.close()
        self._backend.connection = None

    def _say_envelope(self, post: Post, *, until: float) -> None:
        envelope = self._envelope(post)
        if self._open:
            self._wire.write(b"RSET\r\n", until=until)
            if self._wire.reply()[0] != 250:
                raise ConnectionAbortedError
            self._open = False
        if self.pipelines:
            self._wire.write(b"".join(envelope), until=until)

    def _envelope_answered(self, post: Post, *, until: float) -> Answer | None:
        """Each command's answer in turn; the first that refuses is the letter's."""
        self._offered = None
        self._wire.until = until
        commands = () if self.pipelines else self._envelope(post)
        refusal: Answer | None = None
        for number, phase in enumerate(_ENVELOPE):
            if commands:
                if refusal is not None:
                    break
                self._wire.write(commands[number], until=until)
            self._open = True
            code, text = self._reply()
            if refusal is not None and code == GO_AHEAD:
                return self._take_back(refusal)
            if refusal is None and not _goes_on(phase, code):
                refusal = Answer(phase, code, text)
            if not self.is_usable:
                break
        return refusal

    def _take_back(self, refusal: Answer) -> Answer:
        # RFC 2920, 3.1: a server may want the letter though it has refused everybody it is to.
        self._wire.write(DOT, until=self._wire.until)
        self._reply()
        return refusal

    def _envelope_after(self, after: Post | None) -> bytes:
        if after is None:
            return b""
        try:
            envelope = self._envelope(after)
        except Refused:
            return b""  # it hears so when its turn has come
        self._offered = after
        return b"".join(envelope)

    def _envelope(self, post: Post) -> tuple[bytes, bytes, bytes]:
        letter = post.letter
        options = f" SIZE={len(post.content)}" if self._tells_size else ""
        if letter.recipient.international:
            options += self._international()
        return (
            f"MAIL FROM:<{letter.sender}>{options}\r\n".encode(),
            f"RCPT TO:<{letter.recipient}>\r\n".encode(),
            b"DATA\r\n",
        )

    def _international(self) -> str:
        if not self._smtp.has_extn("smtputf8"):
            raise Refused(
                OutcomeKind.REFUSED_MESSAGE,
                "no_smtputf8",
                "The server takes no mailboxes with letters outside ASCII.",
            )
        return " BODY=8BITMIME SMTPUTF8"

    def _reply(self) -> tuple[int, str]:
        """Its code and text; code 0: none came, and the text is one word why."""
        try:
            code, text = self._wire.reply()
        except OSError as error:
            self.is_usable = False
            return 0, word_of(error)
        if code < 0:
            self.is_usable = False
            return 0, "garbled"
        self.is_usable = code != SERVICE_CLOSING
        return code, text.decode(errors="replace")

    def _lost(self, phase: Phase, error: OSError) -> Answer:
        self.is_usable = False
        return Answer(phase, 0, word_of(error))


def _goes_on(phase: Phase, code: int) -> bool:
    return code == GO_AHEAD if phase is Phase.DATA else 200 <= code < 300


def word_of(error: BaseException) -> str:
    """What really happened: smtplib tells every end of a connection alike."""
    return type(error.__context__ or error).__name__
