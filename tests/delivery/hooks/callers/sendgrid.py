"""SendGrid calls, with many pieces of news at a time."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from delivery.lifecycle import EventKind
from delivery.providers.email.services.sendgrid import SIGNATURE, STAMP
from tests.delivery.hooks.callers.base import Caller, Posted, Told
from tests.fakes.mail.sendgrid import KEY, public_key, signature

EVENTS: dict[EventKind, dict[str, str]] = {
    EventKind.SENT: {"event": "processed"},
    EventKind.DEFERRED: {"event": "deferred"},
    EventKind.DELIVERED: {"event": "delivered"},
    EventKind.SOFT_BOUNCE: {"event": "bounce", "type": "blocked"},
    EventKind.HARD_BOUNCE: {"event": "bounce", "type": "bounce"},
    EventKind.COMPLAINT: {"event": "spamreport"},
    EventKind.REJECTED: {"event": "dropped"},
    EventKind.OPENED: {"event": "open"},
    EventKind.CLICKED: {"event": "click"},
    EventKind.UNSUBSCRIBED: {"event": "group_unsubscribe"},
}


class SendGridCaller(Caller):
    """Signs time and body with a private key."""

    alias = "sendgrid"
    backend = "delivery.providers.email.services.SendGrid"
    kinds = frozenset(EVENTS)
    dated = True

    def options(self, *, secret: bool) -> dict[str, Any]:
        return {"api_key": KEY, "public_key": public_key() if secret else ""}

    def body(self, told: Sequence[Told]) -> bytes:
        return json.dumps([event(one) for one in told]).encode()

    def sign(self, body: bytes, *, at: datetime) -> Posted:
        stamp = str(int(at.timestamp()))
        return Posted(body, {STAMP: stamp, SIGNATURE: signature(stamp, body)})

    def forged(self, posted: Posted) -> list[Posted]:
        later = str(int(posted.headers[STAMP]) + 1)
        named = [
            {**posted.headers, name: value}
            for name, value in ((STAMP, later), (SIGNATURE, "Z3Vlc3M="), (SIGNATURE, "guess"))
        ]
        return [*super().forged(posted), *(replace(posted, headers=each) for each in named)]


def event(one: Told) -> dict[str, Any]:
    """A piece of news as SendGrid writes it."""
    return {
        **EVENTS[one.kind],
        "email": one.address,
        "timestamp": int(one.at.timestamp()),
        "sg_event_id": one.key,
        "sg_message_id": "sg-1.filter",
        "anymail_id": one.ref,
        "reference": str(one.reference),
        "reason": f"550 5.1.1 <{one.address}>: user unknown",
    }
