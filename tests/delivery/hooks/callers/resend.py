"""Resend calls, through Svix."""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from delivery.lifecycle import EventKind
from tests.delivery.hooks.callers.base import Caller, Posted, Told
from tests.fakes.mail.resend import KEY, SECRET

TYPES = {
    EventKind.SENT: "email.sent",
    EventKind.DEFERRED: "email.delivery_delayed",
    EventKind.DELIVERED: "email.delivered",
    EventKind.SOFT_BOUNCE: "email.bounced",
    EventKind.HARD_BOUNCE: "email.bounced",
    EventKind.COMPLAINT: "email.complained",
    EventKind.REJECTED: "email.failed",
    EventKind.OPENED: "email.opened",
    EventKind.CLICKED: "email.clicked",
}
BOUNCES = {
    EventKind.SOFT_BOUNCE: {"type": "Transient", "subType": "MailboxFull"},
    EventKind.HARD_BOUNCE: {"type": "Permanent", "subType": "General"},
}


class ResendCaller(Caller):
    """Signs id, time and body with a shared secret."""

    alias = "resend"
    backend = "delivery.providers.email.services.Resend"
    kinds = frozenset(TYPES)
    dated = True

    def options(self, *, secret: bool) -> dict[str, Any]:
        return {"api_key": KEY, "signing_secret": SECRET if secret else ""}

    def body(self, told: Sequence[Told]) -> bytes:
        (one,) = told
        return json.dumps(event(one)).encode()

    def sign(self, body: bytes, *, at: datetime) -> Posted:
        # What is sent again keeps its id; two with equal content are the same one here.
        id_, stamp = f"msg_{hashlib.sha256(body).hexdigest()[:27]}", str(int(at.timestamp()))
        signed = f"{id_}.{stamp}.".encode() + body
        key = base64.b64decode(SECRET.removeprefix("whsec_"))
        mac = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        # While a secret is replaced there are two.
        signature = f"v1,{base64.b64encode(b'of another secret').decode()} v1,{mac}"
        headers = {"svix-id": id_, "svix-timestamp": stamp, "svix-signature": signature}
        return Posted(body, headers)

    def forged(self, posted: Posted) -> list[Posted]:
        named = [
            {**posted.headers, name: value}
            for name, value in (
                ("svix-id", "msg_other"),
                ("svix-timestamp", str(int(posted.headers["svix-timestamp"]) + 1)),
                ("svix-signature", "v1,Z3Vlc3M="),
                ("svix-signature", "v1"),
            )
        ]
        return [*super().forged(posted), *(replace(posted, headers=each) for each in named)]


def event(one: Told) -> dict[str, Any]:
    """A piece of news as Resend writes it."""
    bounce = BOUNCES.get(one.kind)
    message = f"550 5.1.1 <{one.address}>: user unknown"
    return {
        "type": TYPES[one.kind],
        "created_at": one.at.isoformat().replace("+00:00", "Z"),
        "data": {
            "email_id": one.ref,
            "to": [one.address],
            "headers": [
                {"name": "X-Metadata", "value": json.dumps({"reference": str(one.reference)})}
            ],
            # Svix numbers events; here their content tells two apart.
            "tags": {"key": one.key},
            **({"bounce": {**bounce, "message": message}} if bounce else {}),
        },
    }
