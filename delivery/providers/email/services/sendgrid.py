"""SendGrid: letters by its API, news by its signed Event Webhook.

Sources: Twilio SendGrid documentation, "Mail Send", "Errors", "Event Webhook
Reference", "Getting Started with the Event Webhook Security Features". anymail drives it, and no
longer tests against it.
"""

import base64
import binascii
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from anymail.backends.sendgrid import EmailBackend, SendGridPayload
from anymail.exceptions import AnymailNotSupportedWarning
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from delivery.contracts import Call, Heard, Report
from delivery.errors import Forged, Unsecured
from delivery.lifecycle import EventKind
from delivery.providers import calls
from delivery.providers.email.services.base import MB, MailService
from delivery.providers.email.services.reading import by_policy, detail, moment, reference, text

# Said in docs/providers/sendgrid.md, and not once more for each connection.
warnings.simplefilter("ignore", AnymailNotSupportedWarning)

SIGNATURE: Final = "X-Twilio-Email-Event-Webhook-Signature"
STAMP: Final = "X-Twilio-Email-Event-Webhook-Timestamp"

_KINDS: Final[Mapping[str, EventKind]] = {
    "processed": EventKind.SENT,
    "deferred": EventKind.DEFERRED,
    "delivered": EventKind.DELIVERED,
    "dropped": EventKind.REJECTED,
    "spamreport": EventKind.COMPLAINT,
    "unsubscribe": EventKind.UNSUBSCRIBED,
    "group_unsubscribe": EventKind.UNSUBSCRIBED,
    "open": EventKind.OPENED,
    "click": EventKind.CLICKED,
}
# Classes of bounces that are about the letter or its sender.
_OF_THE_LETTER: Final = frozenset({"Content", "Reputation", "Frequency or Volume Too High"})


class SendGrid(MailService):
    """Sends through one SendGrid account; `public_key` is that of its Event Webhook, in base64."""

    backend = "delivery.providers.email.services.sendgrid.Backend"
    most_bytes = 30 * MB

    def __init__(
        self,
        *,
        alias: str,
        api_key: str,
        public_key: str = "",
        api_url: str = "",
        **options: Any,
    ) -> None:
        super().__init__(
            alias=alias,
            connection={"api_key": api_key, "api_url": api_url},
            reports=bool(public_key),
            **options,
        )
        self._key = _public(public_key) if public_key else None

    def hear(self, call: Call) -> Heard:
        """Read what the webhook says, of many letters."""
        self._verify(call)
        said = [(one, _kind(one)) for one in calls.objects(calls.json_of(call, kind=list))]
        return Heard(reports=[_report(one, kind, call.at) for one, kind in said if kind])

    def _verify(self, call: Call) -> None:
        if self._key is None:
            raise Unsecured("No public key is configured to know the provider by.")
        stamp = call.headers.get(STAMP, "")
        try:
            signature = base64.b64decode(call.headers.get(SIGNATURE, ""), validate=True)
            self._key.verify(signature, stamp.encode() + call.body, ECDSA(SHA256()))
            signed_at = datetime.fromtimestamp(float(stamp), UTC)
        except (InvalidSignature, ValueError, OverflowError, OSError):
            raise Forged("The signature is another one.") from None
        calls.require_fresh(call, signed_at)


# Its errors "attachments.filename" and "attachments.type" name what may not stand in them.
_NOT_IN_A_NAME: Final = str.maketrans(";,", "__")


class _Payload(SendGridPayload):  # type: ignore[misc] # anymail has no types
    def add_attachment(self, attachment: Any) -> None:
        self.data.setdefault("attachments", []).append(
            {
                "content": attachment.b64content,
                "type": attachment.mimetype,
                "filename": attachment.name.translate(_NOT_IN_A_NAME),
            }
        )


class Backend(EmailBackend):  # type: ignore[misc] # anymail has no types
    """anymail's backend, with the types of files as SendGrid takes them: without parameters."""

    def build_message_payload(self, message: Any, defaults: Any) -> _Payload:
        """The call of one letter."""
        return _Payload(message, defaults, self)


def _public(written: str) -> EllipticCurvePublicKey:
    try:
        key = load_der_public_key(base64.b64decode(written, validate=True))
    except (binascii.Error, ValueError):
        key = None
    if not isinstance(key, EllipticCurvePublicKey):
        raise ValueError("public_key is not the verification key of an Event Webhook")
    return key


def _kind(said: Mapping[str, Any]) -> EventKind | None:
    name = text(said, "event")
    return _bounce(said) if name == "bounce" else _KINDS.get(name)


def _bounce(said: Mapping[str, Any]) -> EventKind:
    about_the_letter = (
        text(said, "type") == "blocked"
        or text(said, "bounce_classification") in _OF_THE_LETTER
        or by_policy(f"{text(said, 'status')} {text(said, 'reason')}")
    )
    return EventKind.SOFT_BOUNCE if about_the_letter else EventKind.HARD_BOUNCE


def _report(said: Mapping[str, Any], kind: EventKind, now: datetime) -> Report:
    return Report(
        kind=kind,
        at=moment(said.get("timestamp"), otherwise=now),
        event_key=text(said, "sg_event_id"),
        reference=reference(dict(said)),
        provider_ref=text(said, "anymail_id"),
        code=text(said, "bounce_classification") or text(said, "type") or text(said, "event"),
        detail=detail(text(said, "reason") or text(said, "response"), address=text(said, "email")),
        machine=said.get("sg_machine_open") is True,
    )
