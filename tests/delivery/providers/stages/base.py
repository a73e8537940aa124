"""The world around a provider, which can be told what day it is."""

import enum
from contextlib import ExitStack
from typing import Any, ClassVar

import pytest

from delivery.contracts import Message
from delivery.lifecycle import OutcomeKind
from notifysite.settings.offers import OFFERS
from tests.fakes.service import Service


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


class HttpStage(Stage):
    """A service over HTTP, which can also misbehave in all the ways that any can.

    `answers` say what the service answers on each day. `secrets` are what must never be seen.
    """

    days = frozenset(Day)
    answers: ClassVar[dict[Day, Any]] = {}
    secrets: ClassVar[tuple[str, ...]] = ()
    service: Service

    def message(self) -> Message:
        """A message that the service takes."""
        raise NotImplementedError

    def arrange(self, day: Day) -> Message:
        """Let the next call be answered as on this day."""
        if day in self.answers:
            self.service.on_call(self.answers[day])
        return self.message()


def offered(settings: Any, alias: str, **options: Any) -> None:
    """Configure what is offered under an alias, as its variables would."""
    offer = next(offer for offer in OFFERS if offer.alias == alias)
    entry = {"BACKEND": offer.backend, "CHANNELS": [offer.channel], "OPTIONS": options}
    settings.DELIVERY_PROVIDERS = {**settings.DELIVERY_PROVIDERS, alias: entry}
