"""Brevo: letters by its API, news by its webhooks.

Sources: Brevo developer documentation, "Send a transactional email", "Transactional webhooks",
"Batched webhooks", "Secure webhook calls"; Brevo Help, "Add an attachment to a transactional
email" (size).
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from delivery.contracts import Call, Heard, Report
from delivery.errors import Malformed
from delivery.lifecycle import EventKind
from delivery.providers import calls
from delivery.providers.email.services.base import MB, MailService
from delivery.providers.email.services.reading import by_policy, detail, moment, reference, text

_KINDS: Final[Mapping[str, EventKind]] = {
    "request": EventKind.SENT,
    "sent": EventKind.SENT,
    "deferred": EventKind.DEFERRED,
    "delivered": EventKind.DELIVERED,
    "soft_bounce": EventKind.SOFT_BOUNCE,
    "hard_bounce": EventKind.HARD_BOUNCE,
    "invalid_email": EventKind.HARD_BOUNCE,
    "blocked": EventKind.REJECTED,
    "error": EventKind.REJECTED,
    "spam": EventKind.COMPLAINT,
    "complaint": EventKind.COMPLAINT,
    "unsubscribe": EventKind.UNSUBSCRIBED,
    "unsubscribed": EventKind.UNSUBSCRIBED,
    "opened": EventKind.OPENED,
    "unique_opened": EventKind.OPENED,
    "proxy_open": EventKind.OPENED,
    "unique_proxy_open": EventKind.OPENED,
    "click": EventKind.CLICKED,
}
# Opened by the mail program of its own accord, as that of Apple does.
_BY_MACHINES: Final = frozenset({"proxy_open", "unique_proxy_open"})


class Brevo(MailService):
    """Sends through one Brevo account.

    Brevo signs nothing. It knows `webhook_token`, which it brings as a bearer token, or the
    `webhook_user` and `webhook_password` in the URL that it is given.
    """

    backend = "anymail.backends.brevo.EmailBackend"
    most_bytes = 20 * MB

    def __init__(
        self,
        *,
        alias: str,
        api_key: str,
        webhook_user: str = "",
        webhook_password: str = "",
        webhook_token: str = "",
        api_url: str = "",
        **options: Any,
    ) -> None:
        super().__init__(
            alias=alias,
            connection={"api_key": api_key, "api_url": api_url},
            reports=bool(webhook_token or (webhook_user and webhook_password)),
            **options,
        )
        self._login = webhook_user, webhook_password
        self._token = webhook_token

    def hear(self, call: Call) -> Heard:
        """Read what a webhook says, of one letter or of several."""
        self._verify(call)
        said = [(one, _kind(one)) for one in _events(call)]
        return Heard(reports=[_report(one, kind, call.at) for one, kind in said if kind])

    def _verify(self, call: Call) -> None:
        scheme, _, given = call.headers.get("Authorization", "").partition(" ")
        bears = scheme.lower() == "bearer"
        if self._token and (bears or not all(self._login)):
            calls.require_same(given.strip() if bears else "", self._token)
        else:
            calls.require_login(call, *self._login)


def _events(call: Call) -> list[dict[str, Any]]:
    try:
        said = json.loads(call.body)
    except (ValueError, RecursionError):
        raise Malformed("The body is no JSON.") from None
    return calls.objects(said if isinstance(said, list) else [said])


def _kind(said: Mapping[str, Any]) -> EventKind | None:
    kind = _KINDS.get(text(said, "event"))
    if kind is EventKind.HARD_BOUNCE and by_policy(text(said, "reason")):
        return EventKind.SOFT_BOUNCE
    return kind


def _report(said: Mapping[str, Any], kind: EventKind, now: datetime) -> Report:
    name = text(said, "event")
    return Report(
        kind=kind,
        at=_moment(said, now),
        reference=reference(said.get("X-Mailin-custom")),
        provider_ref=text(said, "message-id"),
        code=name,
        detail=detail(text(said, "reason"), address=text(said, "email")),
        machine=name in _BY_MACHINES,
    )


def _moment(said: Mapping[str, Any], now: datetime) -> datetime:
    # The only one of its times that is in UTC whatever the account's zone; in milliseconds.
    try:
        seconds = float(said["ts_epoch"]) / 1000
    except (KeyError, TypeError, ValueError, OverflowError):
        return now
    return moment(seconds, otherwise=now)
