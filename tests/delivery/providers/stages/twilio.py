"""The world around Twilio."""

from contextlib import ExitStack
from typing import Any, ClassVar

import pytest

from delivery.channels import SMS
from delivery.contracts import Message
from tests.delivery.providers.messages import message
from tests.delivery.providers.stages.base import Day, HttpStage
from tests.fakes import twilio
from tests.fakes.service import DROP
from tests.fakes.twilio import TwilioApi, error


class TwilioStage(HttpStage):
    """Twilio, with our account."""

    answers: ClassVar[dict[Day, Any]] = {
        Day.REFUSED: error(400, 21617, "The body of +491701234567 is too long"),
        Day.BUSY: error(429, 20429, "Too many requests"),
        Day.ADDRESS_GONE: error(400, 21211, "+491701234567 is not a valid phone number"),
        Day.ACCOUNT_REFUSED: error(401, 20003, "Authenticate"),
        Day.ANSWER_LOST: DROP,
    }
    secrets = (twilio.TOKEN,)

    def __init__(self, request: pytest.FixtureRequest, settings: Any, closing: ExitStack) -> None:
        self.service = closing.enter_context(TwilioApi())
        settings.OUTBOUND_ALLOWED_ORIGINS = [self.service.origin]
        entry = {
            "BACKEND": "delivery.providers.twilio.Twilio",
            "CHANNELS": ["sms"],
            "OPTIONS": {
                "account_sid": twilio.ACCOUNT,
                "auth_token": twilio.TOKEN,
                "sender": twilio.NUMBER,
                "url": self.service.origin,
            },
        }
        settings.DELIVERY_PROVIDERS = {**settings.DELIVERY_PROVIDERS, "twilio": entry}

    def message(self) -> Message:
        return message("+491701234567", channel=SMS.number)
