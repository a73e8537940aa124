"""Postmark: letters by its API, news by its webhooks.

Sources: Postmark developer documentation, pages "Email API", "API overview" (error codes), "Bounce
API" (bounce types) and "Webhooks overview" with the page of each webhook; Postmark Support,
"What are the attachment and email size limits?".
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from delivery.contracts import Call, Heard, Message, Report
from delivery.lifecycle import EventKind
from delivery.providers import calls
from delivery.providers.email.classes import POSTMARK
from delivery.providers.email.letter import Letter
from delivery.providers.email.services.base import MB, MailService
from delivery.providers.email.services.reading import detail, inside, moment, reference, text

# Only what says that there is no such mailbox is hard. What filters, mail lists and answering
# machines say is not here: it is no news of the letter.
_BOUNCES: Final[Mapping[str, EventKind]] = {
    "HardBounce": EventKind.HARD_BOUNCE,
    "BadEmailAddress": EventKind.HARD_BOUNCE,
    "Transient": EventKind.DEFERRED,
    "DnsError": EventKind.DEFERRED,
    "SoftBounce": EventKind.SOFT_BOUNCE,
    "Blocked": EventKind.SOFT_BOUNCE,
    "SpamNotification": EventKind.SOFT_BOUNCE,
    "VirusNotification": EventKind.SOFT_BOUNCE,
    "DMARCPolicy": EventKind.SOFT_BOUNCE,
    "Unknown": EventKind.SOFT_BOUNCE,
    "SpamComplaint": EventKind.COMPLAINT,
    "ManuallyDeactivated": EventKind.REJECTED,
    "SMTPApiError": EventKind.REJECTED,
    "TemplateRenderingFailed": EventKind.REJECTED,
    "Unsubscribe": EventKind.UNSUBSCRIBED,
}
_RECORDS: Final[Mapping[str, EventKind]] = {
    "Delivery": EventKind.DELIVERED,
    "SpamComplaint": EventKind.COMPLAINT,
    "Open": EventKind.OPENED,
    "Click": EventKind.CLICKED,
}
_STOPPED: Final[Mapping[str, EventKind]] = {
    "HardBounce": EventKind.HARD_BOUNCE,
    "SpamComplaint": EventKind.COMPLAINT,
}
_TIMES: Final = ("DeliveredAt", "BouncedAt", "ReceivedAt", "ChangedAt")


class Postmark(MailService):
    """Sends through one Postmark server.

    `webhook_user` and `webhook_password` stand in the URL that its webhooks are given: Postmark
    signs nothing. `message_stream` is the stream's id, the server's default where it is empty.
    """

    backend = "anymail.backends.postmark.EmailBackend"
    answers = POSTMARK
    most_bytes = 10 * MB

    def __init__(
        self,
        *,
        alias: str,
        server_token: str,
        webhook_user: str = "",
        webhook_password: str = "",
        message_stream: str = "",
        api_url: str = "",
        **options: Any,
    ) -> None:
        super().__init__(
            alias=alias,
            connection={
                "server_token": server_token,
                "message_stream": message_stream,
                "api_url": api_url,
            },
            reports=bool(webhook_user and webhook_password),
            **options,
        )
        self._login = webhook_user, webhook_password

    def write(self, message: Message) -> Letter:
        """Write the letter; Postmark is asked to leave our Message-ID in it."""
        letter = super().write(message)
        letter.mail.extra_headers["X-PM-KeepID"] = "true"
        return letter

    def hear(self, call: Call) -> Heard:
        """Read what one webhook says of one letter."""
        calls.require_login(call, *self._login)
        said = calls.json_of(call)
        kind = _kind(said)
        return Heard(reports=[_report(said, kind, call.at)] if kind else [])


def _kind(said: Mapping[str, Any]) -> EventKind | None:
    record = text(said, "RecordType")
    if record == "Bounce":
        return _BOUNCES.get(text(said, "Type"))
    if record == "SubscriptionChange":
        return _change(said)
    return _RECORDS.get(record)


def _change(said: Mapping[str, Any]) -> EventKind | None:
    """What a suppression means; who lifts one says nothing of the letter."""
    if said.get("SuppressSending") is not True:
        return None
    reason = text(said, "SuppressionReason")
    if reason == "ManualSuppression" and text(said, "Origin") == "Recipient":
        return EventKind.UNSUBSCRIBED
    return _STOPPED.get(reason)


def _report(said: Mapping[str, Any], kind: EventKind, now: datetime) -> Report:
    number, record = text(said, "ID"), text(said, "RecordType")
    return Report(
        kind=kind,
        at=moment(next((said[name] for name in _TIMES if name in said), None), otherwise=now),
        event_key=f"{record}:{number}" if number else "",
        reference=reference(inside(said, "Metadata")),
        provider_ref=text(said, "MessageID"),
        code=text(said, "Type") or text(said, "SuppressionReason") or record,
        detail=detail(text(said, "Details"), address=text(said, "Email")),
    )
