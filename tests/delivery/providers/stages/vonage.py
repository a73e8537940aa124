"""The world around Vonage."""

from contextlib import ExitStack
from typing import Any, ClassVar

import pytest

from delivery.channels import SMS
from delivery.contracts import Message
from tests.delivery.providers.messages import message
from tests.delivery.providers.stages.base import Day, HttpStage
from tests.fakes import vonage
from tests.fakes.service import DROP
from tests.fakes.vonage import VonageApi, problem


class VonageStage(HttpStage):
    """Vonage, with our application."""

    answers: ClassVar[dict[Day, Any]] = {
        Day.REFUSED: problem(422, "/messages#1120", "Illegal sender"),
        Day.BUSY: problem(429, "/messages#1000", "Throttled"),
        Day.ADDRESS_GONE: problem(422, "/messages#1190", "Absent Subscriber Permanent"),
        Day.ACCOUNT_REFUSED: problem(402, "#low-balance", "Low balance"),
        Day.ANSWER_LOST: DROP,
    }
    secrets = (vonage.SECRET, vonage.PRIVATE_KEY.splitlines()[2])

    def __init__(self, request: pytest.FixtureRequest, settings: Any, closing: ExitStack) -> None:
        self.service = closing.enter_context(VonageApi())
        settings.OUTBOUND_ALLOWED_ORIGINS = [self.service.origin]
        entry = {
            "BACKEND": "delivery.providers.vonage.Vonage",
            "CHANNELS": ["sms"],
            "OPTIONS": {
                "application_id": vonage.APPLICATION,
                "private_key": vonage.PRIVATE_KEY,
                "signature_secret": vonage.SECRET,
                "sender": "Acme",
                "url": self.service.origin,
            },
        }
        settings.DELIVERY_PROVIDERS = {**settings.DELIVERY_PROVIDERS, "vonage": entry}

    def message(self) -> Message:
        return message("+491701234567", channel=SMS.number)
