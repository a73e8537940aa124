"""The world around web push."""

from contextlib import ExitStack
from typing import Any, ClassVar

import pytest
from django.conf import settings

from delivery.channels import WEB_PUSH
from delivery.contracts import Message
from tests.delivery.providers.messages import message
from tests.delivery.providers.stages.base import Day, HttpStage
from tests.fakes.push_service import PushService
from tests.fakes.service import DROP, Reply


class WebPushStage(HttpStage):
    """A push service that knows our key, and a browser for each message."""

    answers: ClassVar[dict[Day, Any]] = {
        Day.REFUSED: Reply(400),
        Day.BUSY: Reply(429, headers={"Retry-After": "30"}),
        Day.ADDRESS_GONE: Reply(410),
        Day.ACCOUNT_REFUSED: Reply(403),
        Day.ANSWER_LOST: DROP,
    }

    secrets = (settings.WEBPUSH_SETTINGS["VAPID_PRIVATE_KEY"],)

    def __init__(self, request: pytest.FixtureRequest, settings: Any, closing: ExitStack) -> None:
        key = settings.WEBPUSH_SETTINGS["VAPID_PUBLIC_KEY"]
        self.service = closing.enter_context(PushService(key=key))
        settings.OUTBOUND_ALLOWED_ORIGINS = [self.service.origin]

    def message(self) -> Message:
        return message(self.service.browser().address, channel=WEB_PUSH.number)
