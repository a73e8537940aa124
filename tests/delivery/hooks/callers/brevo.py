"""Brevo calls: one piece of news a call, or several, with a login or a token to know it by."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from delivery.lifecycle import EventKind
from tests.delivery.hooks.callers.base import Caller, Posted, Told
from tests.delivery.hooks.callers.postmark import login
from tests.fakes.mail.brevo import KEY, PASSWORD, TOKEN, USER

EVENTS = {
    EventKind.SENT: "request",
    EventKind.DEFERRED: "deferred",
    EventKind.DELIVERED: "delivered",
    EventKind.SOFT_BOUNCE: "soft_bounce",
    EventKind.HARD_BOUNCE: "hard_bounce",
    EventKind.COMPLAINT: "spam",
    EventKind.REJECTED: "blocked",
    EventKind.OPENED: "opened",
    EventKind.CLICKED: "click",
    EventKind.UNSUBSCRIBED: "unsubscribed",
}


class BrevoCaller(Caller):
    """Knows the user and the password that stand in the URL of its webhook."""

    alias = "brevo"
    backend = "delivery.providers.email.services.Brevo"
    kinds = frozenset(EVENTS)

    def options(self, *, secret: bool) -> dict[str, Any]:
        login = {"webhook_user": USER, "webhook_password": PASSWORD} if secret else {}
        return {"api_key": KEY, **login}

    def body(self, told: Sequence[Told]) -> bytes:
        said = [event(one) for one in told]
        return json.dumps(said if len(said) > 1 else said[0]).encode()

    def sign(self, body: bytes, *, at: datetime) -> Posted:
        return Posted(body, {"Authorization": login(USER, PASSWORD)})

    def forged(self, posted: Posted) -> list[Posted]:
        others = [login(USER, "guess"), f"Bearer {PASSWORD}", "Bearer", ""]
        return [replace(posted, headers={"Authorization": each}) for each in others]


class BrevoTokenCaller(BrevoCaller):
    """Brings a bearer token instead."""

    alias = "brevo_token"

    def options(self, *, secret: bool) -> dict[str, Any]:
        return {"api_key": KEY, "webhook_token": TOKEN if secret else ""}

    def sign(self, body: bytes, *, at: datetime) -> Posted:
        return Posted(body, {"Authorization": f"Bearer {TOKEN}"})

    def forged(self, posted: Posted) -> list[Posted]:
        others = ["Bearer guess", login("", TOKEN), "Bearer", ""]
        return [replace(posted, headers={"Authorization": each}) for each in others]


def event(one: Told) -> dict[str, Any]:
    """A piece of news as Brevo writes it."""
    return {
        "event": EVENTS[one.kind],
        "email": one.address,
        "id": 4711,  # of the account
        "message-id": one.ref,
        "ts_epoch": one.at.timestamp() * 1000,
        "X-Mailin-custom": json.dumps({"reference": str(one.reference)}),
        "reason": f"550 5.1.1 <{one.address}>: user unknown",
    }
