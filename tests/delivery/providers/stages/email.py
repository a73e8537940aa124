"""The world around mail providers."""

from contextlib import ExitStack
from typing import Any, ClassVar

import pytest

from delivery.contracts import Message
from tests.delivery.providers.messages import message
from tests.delivery.providers.stages.base import Day, Stage
from tests.fakes.smtp import DROP, SmtpServer


class EmailStage(Stage):
    """A mail server, reached as EMAIL_URL would have it reached."""

    days = frozenset(Day)
    answers: ClassVar[dict[Day, tuple[str, Any]]] = {
        Day.REFUSED: (".", "554 5.6.0 Not like this"),
        Day.BUSY: ("RCPT", "450 4.2.1 Try later"),
        Day.ADDRESS_GONE: ("RCPT", "550 5.1.1 <ann@example.com>: ann is not here"),
        Day.ACCOUNT_REFUSED: ("MAIL", "530 5.7.0 Who are you"),
        Day.ANSWER_LOST: (".", DROP),
    }

    def __init__(self, request: pytest.FixtureRequest, settings: Any, closing: ExitStack) -> None:
        self.server = closing.enter_context(SmtpServer())
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = self.server.host, self.server.port

    def arrange(self, day: Day) -> Message:
        if day in self.answers:
            self.server.on(*self.answers[day])
        return message()
