"""The world around FCM."""

from contextlib import ExitStack
from typing import Any, ClassVar

import pytest

from delivery.channels import MOBILE_PUSH
from delivery.contracts import Message
from tests.delivery.providers.messages import message
from tests.delivery.providers.stages.base import Day, HttpStage, offered
from tests.fakes import fcm_service
from tests.fakes.fcm_service import FcmService
from tests.fakes.service import DROP


class FcmStage(HttpStage):
    """A Firebase project, and a phone for each message."""

    answers: ClassVar[dict[Day, Any]] = {
        Day.REFUSED: fcm_service.TOO_BIG,
        Day.BUSY: fcm_service.QUOTA,
        Day.ADDRESS_GONE: fcm_service.UNREGISTERED,
        Day.ACCOUNT_REFUSED: fcm_service.THIRD_PARTY,
        Day.ANSWER_LOST: DROP,
    }

    def __init__(self, request: pytest.FixtureRequest, settings: Any, closing: ExitStack) -> None:
        self.service: FcmService = closing.enter_context(FcmService())
        self.secrets = tuple(fcm_service.private_key().splitlines()[1:-1])
        settings.OUTBOUND_ALLOWED_ORIGINS = [self.service.origin]
        offered(settings, "fcm", **self.service.options)

    def message(self) -> Message:
        return message(self.service.phone(), channel=MOBILE_PUSH.number)
