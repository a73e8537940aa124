"""Hand letters over by SMTP, on kept connections, so that each letter's own answer is known."""

import re
import smtplib
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, cast

from django.core.mail.backends.smtp import EmailBackend

from delivery.classes import Table
from delivery.contracts import Outcome
from delivery.lifecycle import OutcomeKind
from delivery.providers.email.classes import SMTP
from delivery.providers.email.kept import Kept
from delivery.providers.email.letter import Letter, Refused
from delivery.providers.email.replies import Answer, Phase, judge, without_people

LEAVE_SECONDS: Final = 2.0
SERVICE_CLOSING: Final = 421
GO_AHEAD: Final = 354

_LINE_END = re.compile(rb"\r\n|\r|\n")
_LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)


class SmtpSender:
    """Opens connections as Django's backend is configured, and keeps those that work.

    `handover` seconds: from the start to the final dot. `final`: for the answer to the dot, which
    RFC 5321 section 4.5.3.2 wants long, because giving up early makes second copies.
    """

    def __init__(
        self,
        make_backend: Callable[[], EmailBackend],
        *,
        handover: float,
        final: float,
        table: Table = SMTP,
    ) -> None:
        self._make_backend = make_backend
        self._table = table
        self._handover = handover
        self._final = final
        self._kept: Kept[_Line] = Kept(_Line.drop)

    def hand_over(self, letter: Letter) -> Outcome:
        """Hand one letter over. Raises Refused when it cannot be written for this server."""
        content = _on_the_wire(letter.as_bytes())
        until = time.monotonic() + self._handover
        if line := self._kept.take():
            answer = self._deliver(line, letter, content, until=until)
            if not _was_stale(answer):
                return self._outcome(letter, answer)
        try:
            line = self._open()
        except (smtplib.SMTPException, OSError, ValueError) as error:
            return self._never_opened(letter, error)
        return self._outcome(letter, self._deliver(line, letter, content, until=until))

    def close(self) -> None:
        """Take leave of the servers we keep connections to, and keep none from now on."""
        for line in self._kept.close():
            line.quit()

    def _open(self) -> "_Line":
        backend = self._make_backend()
        try:
            backend.open()
            cast("smtplib.SMTP", backend.connection).ehlo_or_helo_if_needed()
        except BaseException:
            with suppress(OSError):
                backend.close()
            raise
        return _Line(backend)

    def _deliver(self, line: "_Line", letter: Letter, content: bytes, *, until: float) -> Answer:
        try:
            return line.deliver(letter, content, until=until, final=self._final)
        finally:
            if line.is_usable:
                self._kept.give(line)
            else:
                line.drop()

    def _never_opened(self, letter: Letter, error: Exception) -> Outcome:
        if isinstance(error, smtplib.SMTPResponseException):
            text = error.smtp_error
            said = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
            return self._outcome(letter, Answer(Phase.OPEN, max(error.smtp_code, 0), said))
        # smtplib raises the rest where the settings want what the server has not: TLS, a login.
        ours = isinstance(error, smtplib.SMTPServerDisconnected) or not isinstance(
            error, smtplib.SMTPException | ValueError
        )
        return Outcome(
            reference=letter.message.reference,
            kind=OutcomeKind.TRANSIENT if ours else OutcomeKind.ACCOUNT,
            code=_word(error),
            detail="No connection to the mail server came about.",
        )

    def _outcome(self, letter: Letter, answer: Answer) -> Outcome:
        return Outcome(
            reference=letter.message.reference,
            kind=judge(answer, self._table),
            code=answer.word,
            detail=_detail(letter, answer),
        )


class _Line:
    """One connection, and one letter at a time over it."""

    def __init__(self, backend: EmailBackend) -> None:
        self.is_usable = True
        self._backend = backend
        self._smtp = cast("smtplib.SMTP", backend.connection)
        self._sock = cast("socket.socket", self._smtp.sock)
        # The final dot is written by itself; it must not wait for the acknowledgement of the rest.
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._lines = _Lines(self._sock)
        if self._smtp.file is not None:
            self._smtp.file.close()
        self._smtp.file = self._lines

    def deliver(self, letter: Letter, content: bytes, *, until: float, final: float) -> Answer:
        """Hand over; afterwards the line is usable, or is not."""
        options = self._options(letter, len(content))
        for phase, command in (
            (Phase.MAIL, f"MAIL FROM:<{letter.sender}>{options}"),
            (Phase.RCPT, f"RCPT TO:<{letter.recipient}>"),
            (Phase.DATA, "DATA"),
        ):
            answer = self._ask(phase, f"{command}\r\n".encode(), until=until)
            if not _goes_on(answer):
                self._start_over(answer, until=until)
                return answer
        try:
            self._write(content, until=until)
        except OSError as error:
            return self._lost(Phase.DATA, error)
        return self._ask(Phase.DOT, b".\r\n", until=time.monotonic() + final)

    def quit(self) -> None:
        """Take leave politely."""
        self._lines.until = time.monotonic() + LEAVE_SECONDS
        with suppress(OSError):
            self._smtp.quit()
        self.drop()

    def drop(self) -> None:
        """Close without a word."""
        self._smtp.close()
        self._backend.connection = None

    def _options(self, letter: Letter, size: int) -> str:
        options = f" SIZE={size}" if self._smtp.has_extn("size") else ""
        if not letter.recipient.international:
            return options
        if not self._smtp.has_extn("smtputf8"):
            raise Refused(
                OutcomeKind.REFUSED_MESSAGE,
                "no_smtputf8",
                "The server takes no mailboxes with letters outside ASCII.",
            )
        return f"{options} BODY=8BITMIME SMTPUTF8"

    def _ask(self, phase: Phase, said: bytes, *, until: float) -> Answer:
        try:
            self._write(said, until=until)
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
        self._lines.until = until
        self._sock.settimeout(left)
        self._smtp.send(said)

    def _start_over(self, answer: Answer, *, until: float) -> None:
        if self.is_usable:
            self.is_usable = self._ask(answer.phase, b"RSET\r\n", until=until).code == 250

    def _lost(self, phase: Phase, error: OSError) -> Answer:
        self.is_usable = False
        return Answer(phase, 0, _word(error))


class _Lines:
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


def _on_the_wire(content: bytes) -> bytes:
    """Only CRLF ends a line, so nothing inside can be taken for the final dot (RFC 5321, 4.5.2)."""
    lines = _LINE_END.sub(b"\r\n", content)
    return _LEADING_DOT.sub(b"..", lines if lines.endswith(b"\r\n") else lines + b"\r\n")


def _goes_on(answer: Answer) -> bool:
    if answer.phase is Phase.DATA:
        return answer.code == GO_AHEAD
    return 200 <= answer.code < 300


def _was_stale(answer: Answer) -> bool:
    """Whether a kept connection had ended before this letter: nothing of it was said."""
    return answer.phase is Phase.MAIL and answer.code in (0, SERVICE_CLOSING)


def _detail(letter: Letter, answer: Answer) -> str:
    if answer.code:
        return without_people(answer.text, local_part=letter.recipient.local)
    return f"No answer in the phase {answer.phase.name}."


def _word(error: BaseException) -> str:
    """What really happened: smtplib tells every end of a connection alike."""
    return type(error.__context__ or error).__name__
