"""The world around each provider, which can be told what day it is.

A new provider adds one class here, listed by its dotted path in STAGES, with the days that can
happen to it. `arrange(day)` makes the world so, once, and returns a message that meets it.
"""

import enum
from contextlib import ExitStack
from typing import Any, ClassVar

import pytest

from delivery.channels import IN_APP, WEB_PUSH
from delivery.contracts import Message
from delivery.lifecycle import OutcomeKind
from notifysite.plumbing.crypto import new_data_key
from preferences.models import Recipient
from tests.delivery.providers.messages import message
from tests.fakes import push_service
from tests.fakes.push_service import PushService
from tests.fakes.smtp import DROP, SmtpServer


class Day(enum.Enum):
    """What may happen to a message; the value is what a provider may answer to it."""

    ACCEPTED = frozenset({OutcomeKind.ACCEPTED, OutcomeKind.DELIVERED})
    REFUSED = frozenset({OutcomeKind.REFUSED_MESSAGE})
    BUSY = frozenset({OutcomeKind.TRANSIENT})
    ADDRESS_GONE = frozenset({OutcomeKind.REFUSED_ADDRESS})
    ACCOUNT_REFUSED = frozenset({OutcomeKind.ACCOUNT})
    ANSWER_LOST = frozenset({OutcomeKind.UNKNOWN})


class Stage:
    """What all stages have; `request` gives fixtures, `closing` ends what a stage begins."""

    days: ClassVar[frozenset[Day]] = frozenset({Day.ACCEPTED})
    database: ClassVar[bool] = False  # nothing in delivery/providers needs one

    def __init__(self, request: pytest.FixtureRequest, settings: Any, closing: ExitStack) -> None:
        raise NotImplementedError

    def arrange(self, day: Day) -> Message:
        """Let the next message meet this day."""
        raise NotImplementedError


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


class WebPushStage(Stage):
    """A push service that knows our key, and a browser for each message."""

    days = frozenset(Day)
    answers: ClassVar[dict[Day, Any]] = {
        Day.REFUSED: push_service.Reply(400),
        Day.BUSY: push_service.Reply(429, headers={"Retry-After": "30"}),
        Day.ADDRESS_GONE: push_service.Reply(410),
        Day.ACCOUNT_REFUSED: push_service.Reply(403),
        Day.ANSWER_LOST: push_service.DROP,
    }

    def __init__(self, request: pytest.FixtureRequest, settings: Any, closing: ExitStack) -> None:
        key = settings.WEBPUSH_SETTINGS["VAPID_PUBLIC_KEY"]
        self.service = closing.enter_context(PushService(key=key))
        settings.OUTBOUND_ALLOWED_ORIGINS = [self.service.origin]

    def arrange(self, day: Day) -> Message:
        browser = self.service.browser(answer=self.answers.get(day))
        return message(browser.address, channel=WEB_PUSH.number)


class SandboxStage(Stage):
    """Simulated addresses are all the world there is."""

    days = frozenset({Day.ACCEPTED, Day.BUSY, Day.ADDRESS_GONE})
    database = True
    words: ClassVar[dict[Day, str]] = {
        Day.ACCEPTED: "delivered",
        Day.BUSY: "temporary-fail",
        Day.ADDRESS_GONE: "permanent-fail",
    }

    def __init__(self, request: pytest.FixtureRequest, settings: Any, closing: ExitStack) -> None:
        self.recipient = new_person()
        folder = str(request.getfixturevalue("tmp_path") / "outbox")
        configured = settings.DELIVERY_PROVIDERS
        sandbox = {**configured["sandbox"], "OPTIONS": {"folder": folder}}
        settings.DELIVERY_PROVIDERS = {**configured, "sandbox": sandbox}

    def arrange(self, day: Day) -> Message:
        address = f"{self.words[day]}@simulator.notifysite.test"
        return message(address, recipient=self.recipient)


class InboxStage(Stage):
    """A person with an inbox, or one who was erased."""

    days = frozenset({Day.ACCEPTED, Day.REFUSED})
    database = True

    def __init__(self, request: pytest.FixtureRequest, settings: Any, closing: ExitStack) -> None:
        self.recipient = new_person()

    def arrange(self, day: Day) -> Message:
        recipient = self.recipient if day is Day.ACCEPTED else 0
        return message("", channel=IN_APP.number, recipient=recipient)


def new_person() -> int:
    """A recipient in the database."""
    _, wrapped = new_data_key()
    return Recipient.objects.create(user_id="ann", data_key=wrapped).pk


STAGES: dict[str, type[Stage]] = {
    "delivery.providers.email.DjangoEmail": EmailStage,
    "delivery.providers.webpush.WebPush": WebPushStage,
    "delivery.sandbox.Sandbox": SandboxStage,
    "delivery.inbox.provider.Inbox": InboxStage,
}
