"""The other sides of providers that carry SMS: what they were given, and what they call back."""

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, ClassVar, Protocol, Self
from uuid import UUID

from tests.fakes import twilio, vonage
from tests.fakes.service import Service
from tests.fakes.twilio import TwilioApi
from tests.fakes.vonage import VonageApi

HOOKS = "https://notify.example.com/hooks"


class Posted(Protocol):
    """A call to a hook of ours."""

    body: bytes
    headers: Mapping[str, str]
    query: str
    content_type: str


class Side:
    """A provider by its alias, with its service; `word`: how it calls what has arrived."""

    alias: ClassVar[str]
    backend: ClassVar[str]
    word: ClassVar[str] = "delivered"
    service: Service

    def __enter__(self) -> Self:
        self._closing = ExitStack()
        self._closing.enter_context(self.service)
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def options(self) -> dict[str, Any]:
        raise NotImplementedError

    def texts(self) -> list[tuple[str, str]]:
        """The numbers and texts that it took."""
        raise NotImplementedError

    def receipt(self, status: str, reference: UUID) -> Posted:
        raise NotImplementedError

    def forged(self, reference: UUID) -> Posted:
        raise NotImplementedError

    def wrote(self, phone: str, text: str, key: str) -> Posted:
        raise NotImplementedError

    def opted_out(self, phone: str) -> None:
        """Somebody has told the provider to stop."""
        raise NotImplementedError


class TwilioSide(Side):
    """Twilio."""

    alias = "twilio"
    backend = "delivery.providers.twilio.Twilio"

    def __init__(self) -> None:
        self.service: TwilioApi = TwilioApi()

    def options(self) -> dict[str, Any]:
        return {
            "account_sid": twilio.ACCOUNT,
            "auth_token": twilio.TOKEN,
            "sender": twilio.NUMBER,
            "url": self.service.origin,
            "threads": 1,
        }

    def texts(self) -> list[tuple[str, str]]:
        return [(one.form["To"], one.form["Body"]) for one in self.service.kept]

    def receipt(self, status: str, reference: UUID) -> Posted:
        return self.service.receipt(self.service.kept[-1].sid, status)

    def forged(self, reference: UUID) -> Posted:
        return self.service.receipt(self.service.kept[-1].sid, "failed", token="x" * 32)

    def wrote(self, phone: str, text: str, key: str) -> Posted:
        form = {"MessageSid": key, "From": phone, "To": twilio.NUMBER, "Body": text}
        return twilio.signed(f"{HOOKS}/twilio/", form)

    def opted_out(self, phone: str) -> None:
        self.service.opted_out.add(phone)


class VonageSide(Side):
    """Vonage."""

    alias = "vonage"
    backend = "delivery.providers.vonage.Vonage"

    def __init__(self) -> None:
        self.service: VonageApi = VonageApi()

    def options(self) -> dict[str, Any]:
        return {
            "application_id": vonage.APPLICATION,
            "private_key": vonage.PRIVATE_KEY,
            "signature_secret": vonage.SECRET,
            "sender": "Acme",
            "answers": "none",
            "url": self.service.origin,
            "threads": 1,
        }

    def texts(self) -> list[tuple[str, str]]:
        return [(f"+{one.letter['to']}", one.letter["text"]) for one in self.service.kept]

    def receipt(self, status: str, reference: UUID) -> Posted:
        words = {"sent": "submitted"}
        return self.service.receipt(self.service.kept[-1].uuid, words.get(status, status))

    def forged(self, reference: UUID) -> Posted:
        return self.service.receipt(self.service.kept[-1].uuid, "rejected", secret="x" * 40)

    def wrote(self, phone: str, text: str, key: str) -> Posted:
        return vonage.signed(vonage.inbound(text, uuid=key, phone=phone.removeprefix("+")))

    def opted_out(self, phone: str) -> None:
        self.service.opted_out.add(phone.removeprefix("+"))


SIDES: list[type[Side]] = [TwilioSide, VonageSide]
