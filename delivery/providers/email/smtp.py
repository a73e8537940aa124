"""Hand letters over by SMTP, on kept connections, so that each letter's own answer is known."""

import smtplib
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol, cast

from django.core.mail.backends.smtp import EmailBackend

from delivery.classes import Table
from delivery.contracts import Outcome
from delivery.lifecycle import OutcomeKind
from delivery.providers.base import Watch
from delivery.providers.email.classes import SMTP
from delivery.providers.email.letter import Letter, Refused
from delivery.providers.email.line import SERVICE_CLOSING, Line, Post, word_of
from delivery.providers.email.replies import Answer, Phase, judge, without_people
from delivery.providers.email.wire import spoken
from notifysite.plumbing.kept import Kept

# How many may be under way together: the most that a crash leaves in doubt.
FLIGHT: Final = 50


class Take(Protocol):
    """Gives the next letter, None when there is none; `ahead`, while the last one is still in
    hand, only one that would have to wait for this connection anyway."""

    def __call__(self, *, ahead: bool = False) -> Post | None: ...


class SmtpSender:
    """Opens connections as Django's backend is configured, and keeps those that work.

    `handover` seconds: from the start to the final dot. `final`: for the answer to the dot, which
    RFC 5321 section 4.5.3.2 wants long, because giving up early makes second copies. `watch` is
    told what is said once a connection stands, so no login.
    """

    def __init__(
        self,
        make_backend: Callable[[], EmailBackend],
        *,
        handover: float,
        final: float,
        table: Table = SMTP,
        watch: Watch | None = None,
    ) -> None:
        self._make_backend = make_backend
        self._table = table
        self._handover = handover
        self._final = final
        self._watch = watch
        self._kept: Kept[Line] = Kept(Line.drop)

    def hand_over(self, take: Take, tell: Callable[[Post, Outcome, float | None], None]) -> None:
        """Hand over what `take` gives on one connection, until it gives None, and `tell` what
        became of each, and how long the server let itself be waited for, where that is known."""
        line: Line | None = None
        post, after = take(), None
        while post is not None:
            outcome, line, after = self._one(post, line or self._kept.take(), take)
            tell(post, outcome, line.waited if line is not None else None)
            post = after or take()
        if line is not None:
            self._kept.give(line)

    def watched_by(self, watch: Watch) -> "SmtpSender":
        """One like this, with connections of its own."""
        return SmtpSender(
            self._make_backend,
            handover=self._handover,
            final=self._final,
            table=self._table,
            watch=watch,
        )

    def close(self) -> None:
        """Take leave of the servers we keep connections to, and keep none from now on."""
        for line in self._kept.close():
            line.quit()

    def _one(
        self, post: Post, line: Line | None, take: Take
    ) -> tuple[Outcome, Line | None, Post | None]:
        """What became of it; the connection if it is usable; and the letter that was taken to
        follow it, which may be offered already."""
        after: Post | None = None
        until = time.monotonic() + self._handover
        try:
            line, answer = self._offered(post, line, until=until)
            if answer is None:
                after = take(ahead=True) if line.pipelines else None
                answer = line.hand_over(post, until=until, final=self._final, after=after)
            outcome = self._outcome(post, answer)
        except Refused as refusal:
            outcome, line = refusal.outcome(post.letter.message), None
        except _NeverOpened as never:
            outcome, line = self._never_opened(post, never.error), None
        if line is not None and not line.is_usable:
            line.drop()
            line = None
        return outcome, line, after

    def _offered(
        self, post: Post, line: Line | None, *, until: float
    ) -> tuple[Line, Answer | None]:
        """Offer it on a connection there is, or, if that has ended meanwhile, on a new one."""
        if line is not None:
            answer = self._offer(post, line, until=until)
            if not _was_stale(answer):
                return line, answer
            line.drop()
        line = self._open()
        return line, self._offer(post, line, until=until)

    def _offer(self, post: Post, line: Line, *, until: float) -> Answer | None:
        try:
            return line.offer(post, until=until)
        except Refused:
            self._kept.give(line)  # it has heard nothing of this letter
            raise

    def _open(self) -> Line:
        backend = self._make_backend()
        try:
            backend.open()
            cast("smtplib.SMTP", backend.connection).ehlo_or_helo_if_needed()
            if self._watch:
                self._watch(_introduced(backend))
            return Line(backend, watch=self._watch)
        except (smtplib.SMTPException, OSError, ValueError) as error:
            with suppress(OSError):
                backend.close()
            raise _NeverOpened(error) from error

    def _never_opened(self, post: Post, error: Exception) -> Outcome:
        if isinstance(error, smtplib.SMTPResponseException):
            text = error.smtp_error
            said = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
            return self._outcome(post, Answer(Phase.OPEN, max(error.smtp_code, 0), said))
        # smtplib raises the rest where the settings want what the server has not: TLS, a login.
        ours = isinstance(error, smtplib.SMTPServerDisconnected) or not isinstance(
            error, smtplib.SMTPException | ValueError
        )
        return Outcome(
            reference=post.letter.message.reference,
            kind=OutcomeKind.TRANSIENT if ours else OutcomeKind.ACCOUNT,
            code=word_of(error),
            detail="No connection to the mail server came about.",
        )

    def _outcome(self, post: Post, answer: Answer) -> Outcome:
        return Outcome(
            reference=post.letter.message.reference,
            kind=judge(answer, self._table),
            code=answer.word,
            detail=_detail(post.letter, answer),
            took=post.age(),
        )


class _NeverOpened(Exception):
    """No connection came about."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


def _introduced(backend: EmailBackend) -> str:
    """How the connection stands, and what the server says of itself."""
    smtp = cast("smtplib.SMTP", backend.connection)
    tls = smtp.sock.version() if isinstance(smtp.sock, ssl.SSLSocket) else "no TLS"
    login = "with a login" if backend.username and backend.password else "without a login"
    told = smtp.ehlo_resp or smtp.helo_resp or b""
    return f"{backend.host}:{backend.port}, {tls}, {login}\n{spoken('S', told)}"


def _was_stale(answer: Answer | None) -> bool:
    """Whether a kept connection had ended before this letter: nothing of it was said."""
    return answer is not None and answer.phase is Phase.MAIL and answer.code in (0, SERVICE_CLOSING)


def _detail(letter: Letter, answer: Answer) -> str:
    if answer.code:
        return without_people(answer.text, local_part=letter.recipient.local)
    return f"No answer in the phase {answer.phase.name}."
