"""Email through Django's mail API: SMTP by EMAIL_URL, or any backend, such as anymail's."""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from types import MappingProxyType
from typing import Any, ClassVar, Final, cast

from anymail.backends.base_requests import AnymailRequestsBackend
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend as SmtpBackend
from django.utils.module_loading import import_string

from delivery import backoff
from delivery.classes import Table
from delivery.contracts import Feature, Message, Outcome
from delivery.lifecycle import OutcomeKind
from delivery.providers.base import OneByOne, raised
from delivery.providers.crew import Job, Take
from delivery.providers.email import letter
from delivery.providers.email.api import ApiSender
from delivery.providers.email.classes import MAIL_API, SMTP
from delivery.providers.email.letter import Letter, Refused
from delivery.providers.email.line import Post
from delivery.providers.email.smtp import FLIGHT, SmtpSender

SMTP_FINAL_TIMEOUT: Final = 600.0  # RFC 5321 section 4.5.3.2.6
API_FINAL_TIMEOUT: Final = 30.0


class DjangoEmail(OneByOne):
    """Sends mail; without options as Django's own settings say.

    `backend` is a dotted path and `connection` its keyword arguments, so that several aliases can
    have a server each. `domain` stands in Message-IDs. All timeouts are seconds: `connect_timeout`
    for each step of connecting, `handover_timeout` for all of it up to the end of the letter,
    `final_timeout` for the answer to it. `classes`: what answers mean, in place of what
    email/classes.py says. `patience` names how often and how long to try where that is not up to
    the lane: "smtp" for a server that answers for other servers.
    """

    features = frozenset({Feature.IMAGES, Feature.ACTIONS, Feature.ATTACHMENTS})
    answers: ClassVar[Table] = MAIL_API  # what they mean where it is not SMTP
    # A larger mail is not taken; 0 where only the server itself knows.
    most_bytes: ClassVar[int] = 0

    def __init__(
        self,
        *,
        alias: str,
        backend: str | None = None,
        connection: Mapping[str, Any] | None = None,
        from_email: str | None = None,
        domain: str | None = None,
        threads: int = 8,
        connect_timeout: float = 10.0,
        handover_timeout: float = 60.0,
        final_timeout: float | None = None,
        classes: Mapping[str, str] = MappingProxyType({}),
        patience: str = "",
    ) -> None:
        if patience and patience not in backoff.BY_NAME:
            raise ValueError(f"patience must be one of {', '.join(backoff.BY_NAME)}")
        self.patience = patience
        self._backend = backend or settings.EMAIL_BACKEND
        kind = import_string(self._backend)
        by_smtp = issubclass(kind, SmtpBackend)
        final = final_timeout or (SMTP_FINAL_TIMEOUT if by_smtp else API_FINAL_TIMEOUT)
        # Connecting has its own, shorter limits, but may be slow in several steps.
        super().__init__(
            alias=alias,
            threads=threads,
            deadline=2 * handover_timeout + final,
            flight=FLIGHT if by_smtp else 0,
        )
        self._connection = dict(connection or {})
        if by_smtp:
            self._connection["timeout"] = connect_timeout
        elif issubclass(kind, AnymailRequestsBackend):
            self._connection["timeout"] = (connect_timeout, final)
        self._from = letter.sender(from_email or settings.DEFAULT_FROM_EMAIL, domain=domain)
        table = (SMTP if by_smtp else self.answers).overridden(classes)
        self._api = ApiSender(self._make_backend, table=table)
        self._smtp: SmtpSender | None = None
        if by_smtp:
            open_smtp = cast("Callable[[], SmtpBackend]", self._make_backend)
            self._smtp = SmtpSender(open_smtp, handover=handover_timeout, final=final, table=table)
        self._make_backend()  # so that a missing key is found here, not at the first letter

    def send_one(self, message: Message) -> Outcome:
        """Write the letter and hand it over by the backend's API."""
        try:
            return self._api.hand_over(self.write(message), watch=self.watch)
        except Refused as refusal:
            return refusal.outcome(message)

    def write(self, message: Message) -> Letter:
        """Write the letter that goes to the backend. Raises Refused."""
        written = letter.write(message, sender=self._from)
        if message.attachments and 0 < self.most_bytes < written.size:
            detail = f"About {written.size:,} bytes as a mail; it takes {self.most_bytes:,}."
            raise Refused(OutcomeKind.REFUSED_MESSAGE, "too_large", detail)
        return written

    def work(self, take: Take) -> None:
        """By SMTP each thread has a connection, over which letters follow each other."""
        if self._smtp is None:
            super().work(take)
        elif self.watch:
            with closing(self._smtp.watched_by(self.watch)) as watched:
                _Desk(take, self._from).work(watched)
        else:
            _Desk(take, self._from).work(self._smtp)

    def close(self) -> None:
        """Close the connections that are kept, and keep none from now on."""
        self._api.close()
        if self._smtp is not None:
            self._smtp.close()

    def _make_backend(self) -> BaseEmailBackend:
        try:
            return get_connection(self._backend, **self._connection)
        except ImproperlyConfigured as error:
            raise ValueError(str(error)) from error


class _Desk:
    """Where one thread writes its letters, and notes what became of them."""

    def __init__(self, take: Take, sender: letter.Sender) -> None:
        self._take_job = take
        self._sender = sender
        self._under_way: dict[Post, Job] = {}

    def work(self, smtp: SmtpSender) -> None:
        """Hand over until there are no more."""
        while True:
            try:
                return smtp.hand_over(self._take, self._tell)
            except Exception as error:  # noqa: BLE001 - one letter must not sink the others
                for post in list(self._under_way):
                    self._tell(post, raised(post.letter.message, error), None)

    def _take(self, *, ahead: bool = False) -> Post | None:
        while (job := self._take_job(ahead=ahead)) is not None:
            try:
                post = Post.of(letter.write(job.message, sender=self._sender))
            except Refused as refusal:
                job.finish(refusal.outcome(job.message))
            except Exception as error:  # noqa: BLE001 - as above
                job.finish(raised(job.message, error))
            else:
                self._under_way[post] = job
                return post
        return None

    def _tell(self, post: Post, outcome: Outcome, waited: float | None) -> None:
        told = outcome if outcome.took else replace(outcome, took=post.age())
        self._under_way.pop(post).finish(told, waited=waited)
