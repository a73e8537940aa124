"""Twilio calls."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

import defusedxml.ElementTree
from django.conf import settings

from delivery.lifecycle import EventKind
from tests.delivery.hooks.callers.base import Caller, Posted, Told, Wrote
from tests.fakes import twilio

WORDS = {
    EventKind.SENT: ("sent", ""),
    EventKind.DELIVERED: ("delivered", ""),
    EventKind.SOFT_BOUNCE: ("undelivered", "30003"),
    EventKind.HARD_BOUNCE: ("undelivered", "30005"),
    EventKind.REJECTED: ("failed", "30007"),
    EventKind.OPTED_OUT: ("failed", "21610"),
}


class TwilioCaller(Caller):
    """Posts forms, signed with the URL, which names the delivery."""

    alias = "twilio"
    channel = "sms"
    backend = "delivery.providers.twilio.Twilio"
    kinds = frozenset(WORDS)
    replies = True

    def options(self, *, secret: bool) -> dict[str, Any]:
        return {
            "account_sid": twilio.ACCOUNT,
            "auth_token": twilio.TOKEN if secret else "",
            "sender": twilio.NUMBER,
        }

    def body(self, told: Sequence[Told]) -> bytes:
        (one,) = told
        status, code = WORDS[one.kind]
        said = {"MessageSid": one.ref, "MessageStatus": status, "To": one.address}
        return urlencode(said | ({"ErrorCode": code} if code else {})).encode()

    def sign(self, body: bytes, *, at: datetime, query: str = "") -> Posted:
        url = f"{settings.PUBLIC_URL}/hooks/{self.alias}/" + (f"?{query}" if query else "")
        form = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
        signature = twilio.signature(twilio.TOKEN, url, form)
        kind = "application/x-www-form-urlencoded"
        return Posted(body, {"X-Twilio-Signature": signature}, kind, query)

    def call(self, *told: Told, at: datetime | None = None) -> Posted:
        return self.sign(self.body(told), at=at or told[0].at, query=f"ref={told[0].reference}")

    def wrote(self, wrote: Wrote) -> Posted:
        form = {
            "MessageSid": wrote.key,
            "SmsStatus": "received",
            "From": wrote.address,
            "To": wrote.number,
            "Body": wrote.text,
        }
        return self.sign(urlencode(form).encode(), at=wrote.at)

    def read(self, answer: bytes) -> str:
        found = defusedxml.ElementTree.fromstring(answer.decode()).iter("Message")
        return "".join(each.text or "" for each in found)

    def forged(self, posted: Posted) -> list[Posted]:
        """Also: the genuine form, at a URL that names another delivery."""
        elsewhere = replace(posted, query="ref=01234567-89ab-7cde-8f01-23456789abcd")
        return [*super().forged(posted), elsewhere]
