"""The world around what delivers to ourselves: the sandbox and the inbox."""

from contextlib import ExitStack
from typing import Any, ClassVar

import pytest

from delivery.channels import IN_APP
from delivery.contracts import Message
from notifysite.plumbing.crypto import new_data_key
from preferences.models import Recipient
from tests.delivery.providers.messages import message
from tests.delivery.providers.stages.base import Day, Stage


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
