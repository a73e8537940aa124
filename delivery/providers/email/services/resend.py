"""Resend: letters by its API, each under a key that it folds copies by; news by its webhooks.

Sources: Resend documentation, "Send Email", "Idempotency Keys", "Errors", "Attachments",
"Event Types", "Verify Webhooks Requests"; Svix, "Verifying Webhooks Manually".
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from anymail.backends.resend import EmailBackend, ResendPayload

from delivery.contracts import Call, Feature, Heard, Report
from delivery.lifecycle import EventKind
from delivery.providers import calls
from delivery.providers.email.classes import RESEND
from delivery.providers.email.services import svix
from delivery.providers.email.services.base import MB, MailService
from delivery.providers.email.services.reading import (
    detail,
    in_headers,
    inside,
    moment,
    reference,
    text,
)

KEYS_ARE_KEPT: Final = timedelta(hours=24)

_KINDS: Final[Mapping[str, EventKind]] = {
    "email.sent": EventKind.SENT,
    "email.delivery_delayed": EventKind.DEFERRED,
    "email.delivered": EventKind.DELIVERED,
    "email.complained": EventKind.COMPLAINT,
    "email.failed": EventKind.REJECTED,
    "email.suppressed": EventKind.REJECTED,
    "email.opened": EventKind.OPENED,
    "email.clicked": EventKind.CLICKED,
}
_NOT_TRIED: Final = frozenset({"Suppressed", "OnAccountSuppressionList"})


class Resend(MailService):
    """Sends through one Resend account; `signing_secret` is that of its webhook, `whsec_…`."""

    backend = "delivery.providers.email.services.resend.Backend"
    answers = RESEND
    most_bytes = 40 * MB
    features = MailService.features | {Feature.FOLDS}
    idempotent_for = KEYS_ARE_KEPT.total_seconds()

    def __init__(
        self,
        *,
        alias: str,
        api_key: str,
        signing_secret: str = "",
        api_url: str = "",
        **options: Any,
    ) -> None:
        super().__init__(
            alias=alias,
            connection={"api_key": api_key, "api_url": api_url},
            reports=bool(signing_secret),
            **options,
        )
        self._key = svix.key(signing_secret)

    def hear(self, call: Call) -> Heard:
        """Read what one webhook says of one letter."""
        event_key = svix.verified(call, self._key)
        said = calls.json_of(call)
        kind = _kind(said)
        return Heard(reports=[_report(said, kind, event_key, call.at)] if kind else [])


class _Payload(ResendPayload):  # type: ignore[misc] # anymail has no types
    def get_request_params(self, api_url: str) -> dict[str, Any]:
        params: dict[str, Any] = super().get_request_params(api_url)
        params["headers"]["Idempotency-Key"] = self.metadata["reference"]
        return params

    def make_attachment(self, attachment: Any) -> dict[str, Any]:
        # What the name says is enough. Where a type says something else the letter is taken and
        # never sent, so anymail refuses it.
        return {"filename": attachment.name, "content": attachment.b64content}


class Backend(EmailBackend):  # type: ignore[misc] # anymail has no types
    """anymail's backend, with our delivery's id as the key that copies are folded by."""

    def build_message_payload(self, message: Any, defaults: Any) -> _Payload:
        """The call of one letter."""
        return _Payload(message, defaults, self)


def _kind(said: Mapping[str, Any]) -> EventKind | None:
    name = text(said, "type")
    return _bounce(said) if name == "email.bounced" else _KINDS.get(name)


def _bounce(said: Mapping[str, Any]) -> EventKind:
    bounce = inside(said, "data", "bounce")
    if text(bounce, "subType") in _NOT_TRIED:
        return EventKind.REJECTED
    dead = text(bounce, "type") == "Permanent"
    return EventKind.HARD_BOUNCE if dead else EventKind.SOFT_BOUNCE


def _report(said: Mapping[str, Any], kind: EventKind, event_key: str, now: datetime) -> Report:
    data = inside(said, "data")
    to = inside(data, "to")
    address = str(to[0]) if isinstance(to, list) and to else ""
    return Report(
        kind=kind,
        at=moment(inside(said, "created_at"), otherwise=now.astimezone(UTC)),
        event_key=event_key,
        reference=reference(in_headers(inside(data, "headers"), "x-metadata")),
        provider_ref=text(data, "email_id"),
        code=text(data, "bounce", "subType") or text(said, "type").removeprefix("email."),
        detail=detail(text(data, "bounce", "message"), address=address),
    )
