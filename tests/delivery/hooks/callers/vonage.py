"""Vonage calls."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from delivery.lifecycle import EventKind
from tests.delivery.hooks.callers.base import Caller, Posted, Told, Wrote
from tests.fakes import vonage
from tests.fakes.vonage import VonageApi

WORDS = {
    EventKind.SENT: ("submitted", ""),
    EventKind.DELIVERED: ("delivered", ""),
    EventKind.SOFT_BOUNCE: ("rejected", "1180"),
    EventKind.HARD_BOUNCE: ("rejected", "1190"),
    EventKind.REJECTED: ("rejected", "1210"),
    EventKind.OPTED_OUT: ("rejected", "1240"),
}


class VonageCaller(Caller):
    """Signs the hash of the body and the time, in a token; what it is to answer it is sent."""

    alias = "vonage"
    channel = "sms"
    backend = "delivery.providers.vonage.Vonage"
    kinds = frozenset(WORDS)
    dated = True
    replies = True

    service: VonageApi | None = None

    @contextmanager
    def answering(self, settings: Any) -> Iterator[None]:
        with VonageApi() as self.service:
            settings.OUTBOUND_ALLOWED_ORIGINS = [self.service.origin]
            yield

    def options(self, *, secret: bool) -> dict[str, Any]:
        return {
            "application_id": vonage.APPLICATION,
            "private_key": vonage.PRIVATE_KEY,
            "signature_secret": vonage.SECRET if secret else "",
            "sender": f"+{vonage.NUMBER}",
            **({"url": self.service.origin} if self.service else {}),
        }

    def body(self, told: Sequence[Told]) -> bytes:
        (one,) = told
        status, code = WORDS[one.kind]
        return vonage.receipt(one.ref, status, reference=str(one.reference), code=code).body

    def sign(self, body: bytes, *, at: datetime) -> Posted:
        signed = vonage.signed(body, at=at)
        return Posted(signed.body, signed.headers)

    def wrote(self, wrote: Wrote) -> Posted:
        phone = wrote.address.removeprefix("+")
        body = vonage.inbound(wrote.text, uuid=wrote.key, phone=phone, at=wrote.at)
        return self.sign(body, at=datetime.now(UTC))

    def read(self, answer: bytes) -> str:
        assert (answer, self.service is not None) == (b"", True)
        sent, self.service.kept = self.service.kept, []
        assert [(one.letter["to"], one.letter["from"]) for one in sent] in (
            [],
            [("491701234567", "15005550006")],
        )
        return "".join(one.letter["text"] for one in sent)
