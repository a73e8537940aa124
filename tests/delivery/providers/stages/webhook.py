"""The world around webhooks."""

from contextlib import ExitStack
from typing import Any, ClassVar

import pytest

from delivery.contracts import Message
from tests.delivery.providers.stages.base import Day, HttpStage
from tests.fakes.service import DROP, Reply
from tests.fakes.webhook_receiver import WebhookReceiver


class WebhookStage(HttpStage):
    """A receiver that checks signatures. There is no account with it, and all that it answers
    beside 410 is tried again."""

    days = frozenset({Day.ACCEPTED, Day.BUSY, Day.ADDRESS_GONE, Day.ANSWER_LOST})
    answers: ClassVar[dict[Day, Any]] = {
        Day.BUSY: Reply(503, headers={"Retry-After": "30"}),
        Day.ADDRESS_GONE: Reply(410),
        Day.ANSWER_LOST: DROP,
    }

    def __init__(self, request: pytest.FixtureRequest, settings: Any, closing: ExitStack) -> None:
        self.receiver = self.service = closing.enter_context(WebhookReceiver())
        self.secrets = tuple(self.receiver.secrets)
        settings.OUTBOUND_ALLOWED_ORIGINS = [self.service.origin]

    def message(self) -> Message:
        return self.receiver.message()
