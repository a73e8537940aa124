"""The world around chats."""

from contextlib import ExitStack
from typing import Any, ClassVar

import pytest

from delivery.channels import CHAT
from delivery.contracts import Message
from tests.delivery.providers.messages import message
from tests.delivery.providers.stages.base import Day, HttpStage
from tests.fakes.chat_services import PLACES, ChatService, Discord, Slack, Teams
from tests.fakes.service import DROP, Reply


class ChatStage(HttpStage):
    """A service with a channel; nobody has an account that it could refuse."""

    days = frozenset(Day) - {Day.ACCOUNT_REFUSED}
    secrets = ("s3cr3t",)
    fake: ClassVar[type[ChatService]]

    def __init__(self, request: pytest.FixtureRequest, settings: Any, closing: ExitStack) -> None:
        self.service = self.channel = closing.enter_context(self.fake())
        settings.OUTBOUND_ALLOWED_ORIGINS = [self.channel.origin]
        settings.CHAT_HOSTS = PLACES

    def message(self) -> Message:
        return message(self.channel.webhook, channel=CHAT.number)


class SlackStage(ChatStage):
    """Slack says a word."""

    fake = Slack
    answers: ClassVar[dict[Day, Any]] = {
        Day.REFUSED: Reply(400, b"invalid_payload"),
        Day.BUSY: Reply(429, b"rate_limited", {"Retry-After": "1"}),
        Day.ADDRESS_GONE: Reply(404, b"no_service"),
        Day.ANSWER_LOST: DROP,
    }


class DiscordStage(ChatStage):
    """Discord says JSON with a code."""

    fake = Discord
    answers: ClassVar[dict[Day, Any]] = {
        Day.REFUSED: Reply(400, {"message": "Invalid Form Body", "code": 50035}),
        Day.BUSY: Reply(429, {"message": "You are being rate limited.", "retry_after": 0.3}),
        Day.ADDRESS_GONE: Reply(404, {"message": "Unknown Webhook", "code": 10015}),
        Day.ANSWER_LOST: DROP,
    }


class TeamsStage(ChatStage):
    """Teams says little."""

    fake = Teams
    answers: ClassVar[dict[Day, Any]] = {
        Day.REFUSED: Reply(413),
        Day.BUSY: Reply(429),
        Day.ADDRESS_GONE: Reply(410),
        Day.ANSWER_LOST: DROP,
    }
