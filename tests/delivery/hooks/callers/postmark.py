"""Postmark calls: one piece of news a call, with nothing but a login to know it by."""

import base64
import json
import zlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from delivery.lifecycle import EventKind
from tests.delivery.hooks.callers.base import Caller, Posted, Told
from tests.fakes.mail.postmark import PASSWORD, TOKEN, USER

BOUNCES = {
    EventKind.DEFERRED: "Transient",
    EventKind.SOFT_BOUNCE: "SoftBounce",
    EventKind.HARD_BOUNCE: "HardBounce",
    EventKind.REJECTED: "ManuallyDeactivated",
}
RECORDS = {
    EventKind.DELIVERED: ("Delivery", "DeliveredAt"),
    EventKind.COMPLAINT: ("SpamComplaint", "BouncedAt"),
    EventKind.OPENED: ("Open", "ReceivedAt"),
    EventKind.CLICKED: ("Click", "ReceivedAt"),
    EventKind.UNSUBSCRIBED: ("SubscriptionChange", "ChangedAt"),
}


class PostmarkCaller(Caller):
    """Knows the user and the password that stand in the URL of its webhooks."""

    alias = "postmark"
    backend = "delivery.providers.email.services.Postmark"
    kinds = frozenset({*BOUNCES, *RECORDS})

    def options(self, *, secret: bool) -> dict[str, Any]:
        login = {"webhook_user": USER, "webhook_password": PASSWORD} if secret else {}
        return {"server_token": TOKEN, **login}

    def body(self, told: Sequence[Told]) -> bytes:
        (one,) = told
        return json.dumps(record(one)).encode()

    def sign(self, body: bytes, *, at: datetime) -> Posted:
        return Posted(body, {"Authorization": login(USER, PASSWORD)})

    def forged(self, posted: Posted) -> list[Posted]:
        others = [login(USER, "guess"), login("guess", PASSWORD), f"Bearer {PASSWORD}", "Basic"]
        return [
            replace(posted, headers={}),
            *(replace(posted, headers={"Authorization": each}) for each in others),
        ]


def login(user: str, password: str) -> str:
    """The header of a login (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def record(one: Told) -> dict[str, Any]:
    """A piece of news as Postmark writes it."""
    kind, at = RECORDS.get(one.kind, ("Bounce", "BouncedAt"))
    said: dict[str, Any] = {
        "RecordType": kind,
        "MessageID": one.ref,
        "Metadata": {"reference": str(one.reference)},
        "Recipient": one.address,
        at: one.at.isoformat().replace("+00:00", "0Z"),
    }
    if at == "BouncedAt":
        said |= {
            "ID": zlib.crc32(one.key.encode()),
            "Type": BOUNCES.get(one.kind, kind),
            "Email": one.address,
            "Details": f"smtp;550 5.1.1 <{one.address}>: no such user",
        }
    if kind == "SubscriptionChange":
        said |= {
            "SuppressSending": True,
            "SuppressionReason": "ManualSuppression",
            "Origin": "Recipient",
        }
    return said
