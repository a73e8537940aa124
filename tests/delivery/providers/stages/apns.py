"""The world around APNs."""

from contextlib import ExitStack
from typing import Any, ClassVar

import pytest

from delivery.channels import MOBILE_PUSH
from delivery.contracts import Message
from tests.delivery.providers.messages import message
from tests.delivery.providers.stages.base import Day, HttpStage, offered
from tests.fakes import apns_service
from tests.fakes.apns_service import ApnsService, refusal
from tests.fakes.service import DROP


class ApnsStage(HttpStage):
    """An app that Apple knows, and a device for each message."""

    answers: ClassVar[dict[Day, Any]] = {
        Day.REFUSED: refusal(413, "PayloadTooLarge"),
        Day.BUSY: refusal(429, "TooManyRequests"),
        Day.ADDRESS_GONE: refusal(410, "Unregistered", timestamp=1),
        Day.ACCOUNT_REFUSED: refusal(403, "InvalidProviderToken"),
        Day.ANSWER_LOST: DROP,
    }

    def __init__(self, request: pytest.FixtureRequest, settings: Any, closing: ExitStack) -> None:
        self.service: ApnsService = closing.enter_context(ApnsService())
        self.secrets = tuple(apns_service.key_file().splitlines()[1:-1])
        settings.OUTBOUND_ALLOWED_ORIGINS = [self.service.origin]
        offered(settings, "apns", **self.service.options)

    def message(self) -> Message:
        return message(self.service.device(), channel=MOBILE_PUSH.number)
