"""Mailgun calls: one piece of news a call, under a signature of time and token alone."""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import count
from typing import Any

from delivery.lifecycle import EventKind
from delivery.providers.email.services.mailgun import signature
from tests.delivery.hooks.callers.base import Caller, Posted, Told
from tests.delivery.hooks.callers.postmark import login
from tests.fakes.mail.mailgun import DOMAIN, KEY, PASSWORD, SIGNING_KEY, USER

EVENTS: dict[EventKind, dict[str, Any]] = {
    EventKind.SENT: {"event": "accepted"},
    EventKind.DEFERRED: {"event": "failed", "severity": "temporary", "reason": "generic"},
    EventKind.DELIVERED: {"event": "delivered"},
    EventKind.SOFT_BOUNCE: {"event": "failed", "severity": "permanent", "reason": "old"},
    EventKind.HARD_BOUNCE: {"event": "failed", "severity": "permanent", "reason": "bounce"},
    EventKind.COMPLAINT: {"event": "complained"},
    EventKind.REJECTED: {"event": "rejected"},
    EventKind.OPENED: {"event": "opened"},
    EventKind.CLICKED: {"event": "clicked"},
    EventKind.UNSUBSCRIBED: {"event": "unsubscribed"},
}
_number = count(1)


class MailgunCaller(Caller):
    """Signs each call with another token, and knows a login besides."""

    alias = "mailgun"
    backend = "delivery.providers.email.services.Mailgun"
    kinds = frozenset(EVENTS)
    dated = True

    def options(self, *, secret: bool) -> dict[str, Any]:
        login = {"webhook_user": USER, "webhook_password": PASSWORD}
        known = {"signing_key": SIGNING_KEY, **login} if secret else login
        return {"api_key": KEY, "sender_domain": DOMAIN, **known}

    def body(self, told: Sequence[Told]) -> bytes:
        (one,) = told
        return json.dumps({"event-data": event(one)}).encode()

    def sign(self, body: bytes, *, at: datetime) -> Posted:
        headers = {"Authorization": login(USER, PASSWORD)}
        try:
            said = json.loads(body)
        except (ValueError, RecursionError):
            return Posted(body, headers)
        if not isinstance(said, dict):
            return Posted(body, headers)
        stamp, token = str(int(at.timestamp())), f"{next(_number):050}"
        signed = {"timestamp": stamp, "token": token}
        signed["signature"] = signature(SIGNING_KEY, stamp, token)
        return Posted(json.dumps({"signature": signed, **said}).encode(), headers)

    def forged(self, posted: Posted) -> list[Posted]:
        said = json.loads(posted.body)
        signed = said["signature"]
        others = (
            {},
            {**signed, "token": "0" * 50},
            {**signed, "timestamp": str(int(signed["timestamp"]) + 1)},
            {**signed, "signature": hashlib.sha256(b"guess").hexdigest()},
        )
        wrong = {"Authorization": login(USER, "guess")}
        key = {"Authorization": "Basic " + base64.b64encode(SIGNING_KEY.encode()).decode()}
        return [
            replace(posted, headers={}),
            replace(posted, headers=wrong),
            replace(posted, headers=key),
            *(
                replace(posted, body=json.dumps({**said, "signature": each}).encode())
                for each in others
            ),
        ]


def event(one: Told) -> dict[str, Any]:
    """A piece of news as Mailgun writes it."""
    return {
        **EVENTS[one.kind],
        "id": one.key,
        "timestamp": one.at.timestamp(),
        "recipient": one.address,
        "message": {"headers": {"message-id": one.ref.strip("<>")}},
        "user-variables": {"reference": str(one.reference)},
        "delivery-status": {"code": 550, "message": f"5.1.1 <{one.address}>: user unknown"},
    }
