"""The world around Amazon SNS."""

from contextlib import ExitStack
from typing import Any, ClassVar

import pytest

from delivery.channels import SMS
from delivery.contracts import Message
from notifysite.settings import offers
from tests.delivery.providers.messages import message
from tests.delivery.providers.stages.base import Day, HttpStage
from tests.fakes import aws
from tests.fakes.service import DROP
from tests.fakes.sns_sms import SnsApi, no


class SnsStage(HttpStage):
    """Amazon SNS, which says of no number that it is dead."""

    days = frozenset(Day) - {Day.ADDRESS_GONE}
    answers: ClassVar[dict[Day, Any]] = {
        Day.REFUSED: no(400, "InvalidParameter", "PhoneNumber Reason: +491701234567 is not valid"),
        Day.BUSY: no(400, "Throttling", "Rate exceeded"),
        Day.ACCOUNT_REFUSED: no(403, "AuthorizationError", "User: arn:aws:iam::1:user/x"),
        Day.ANSWER_LOST: DROP,
    }
    secrets = (aws.SECRET_KEY,)

    def __init__(self, request: pytest.FixtureRequest, settings: Any, closing: ExitStack) -> None:
        self.service = closing.enter_context(SnsApi())
        settings.OUTBOUND_ALLOWED_ORIGINS = [self.service.origin]
        found = offers.take(offers.OFFERS, lambda name: self.service.environment().get(name, ""))
        settings.DELIVERY_PROVIDERS = {**settings.DELIVERY_PROVIDERS, **found.providers}

    def message(self) -> Message:
        return message("+491701234567", channel=SMS.number)
