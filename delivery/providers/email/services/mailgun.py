"""Mailgun: letters by its API, news by its webhooks.

Sources: Mailgun documentation, "Messages", "Webhooks", "Securing Webhooks", "Event structure".
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from delivery.contracts import Call, Heard, Report
from delivery.errors import Forged
from delivery.lifecycle import EventKind
from delivery.providers import calls
from delivery.providers.email.classes import MAILGUN
from delivery.providers.email.services.base import MB, MailService
from delivery.providers.email.services.reading import (
    by_policy,
    detail,
    inside,
    moment,
    reference,
    text,
)

_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)

_KINDS: Final[Mapping[str, EventKind]] = {
    "accepted": EventKind.SENT,
    "delivered": EventKind.DELIVERED,
    "rejected": EventKind.REJECTED,
    "complained": EventKind.COMPLAINT,
    "unsubscribed": EventKind.UNSUBSCRIBED,
    "opened": EventKind.OPENED,
    "clicked": EventKind.CLICKED,
}


class Mailgun(MailService):
    """Sends from one domain of a Mailgun account.

    Mailgun signs a time and a token, not what it says: so each token is good for one call, and
    besides `webhook_user` and `webhook_password` must stand in the URL that it is given.
    """

    backend = "anymail.backends.mailgun.EmailBackend"
    answers = MAILGUN
    most_bytes = 25 * MB

    def __init__(
        self,
        *,
        alias: str,
        api_key: str,
        sender_domain: str = "",
        signing_key: str = "",
        webhook_user: str = "",
        webhook_password: str = "",
        api_url: str = "",
        **options: Any,
    ) -> None:
        super().__init__(
            alias=alias,
            connection={"api_key": api_key, "sender_domain": sender_domain, "api_url": api_url},
            reports=bool(signing_key and webhook_user and webhook_password),
            **options,
        )
        self._signing_key = signing_key
        self._login = webhook_user, webhook_password

    def hear(self, call: Call) -> Heard:
        """Read what one webhook says of one letter."""
        calls.require_secret(self._signing_key)
        calls.require_login(call, *self._login)
        said = calls.json_of(call)
        token = self._verified(said, call)
        event = inside(said, "event-data")
        kind = _kind(event)
        return Heard(reports=[_report(event, kind, call.at)] if kind else [], once=token)

    def _verified(self, said: Mapping[str, Any], call: Call) -> str:
        stamp, token, given = (
            text(said, "signature", name) for name in ("timestamp", "token", "signature")
        )
        wanted = signature(self._signing_key, stamp, token)
        if not token:
            raise Forged("There is no token.")
        calls.require_same(given, wanted)
        calls.require_fresh(call, moment(stamp, otherwise=_LONG_AGO))
        return token


def signature(key: str, stamp: str, token: str) -> str:
    """What Mailgun signs a call with."""
    signed = f"{stamp}{token}".encode(errors="replace")
    return hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()


def _kind(event: Any) -> EventKind | None:
    name = text(event, "event")
    return _failed(event) if name == "failed" else _KINDS.get(name)


def _failed(event: Any) -> EventKind:
    if text(event, "severity") != "permanent":
        return EventKind.DEFERRED
    reason = text(event, "reason")
    if reason.startswith("suppress"):  # it was not tried: Mailgun has a list of its own
        return EventKind.REJECTED
    status = inside(event, "delivery-status")
    refused = f"{text(status, 'enhanced-code')} {text(status, 'message')}"
    dead = reason == "bounce" and not by_policy(refused)
    return EventKind.HARD_BOUNCE if dead else EventKind.SOFT_BOUNCE


def _report(event: Any, kind: EventKind, now: datetime) -> Report:
    id_, stamp = text(event, "id"), text(event, "timestamp")
    message_id = text(event, "message", "headers", "message-id").strip("<>")
    return Report(
        kind=kind,
        at=moment(stamp, otherwise=now),
        # An id is unique for a day only.
        event_key=f"{id_}/{stamp}" if id_ else "",
        reference=reference(inside(event, "user-variables")),
        provider_ref=f"<{message_id}>" if message_id else "",
        code=text(event, "reason") or text(event, "event"),
        detail=detail(text(event, "delivery-status", "message"), address=text(event, "recipient")),
        machine=bool(text(event, "client-info", "bot")),
    )
