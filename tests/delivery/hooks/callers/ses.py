"""Amazon SES calls, through SNS."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from cryptography.hazmat.primitives.asymmetric import rsa

from delivery.lifecycle import EventKind
from tests.delivery.hooks.callers.base import Caller, Posted, Told
from tests.fakes.mail.ses import KEY_ID, REGION, SECRET_KEY, TOPIC
from tests.fakes.mail.sns import Sns, posted, signature

TYPES = {
    EventKind.SENT: "Send",
    EventKind.DEFERRED: "DeliveryDelay",
    EventKind.DELIVERED: "Delivery",
    EventKind.SOFT_BOUNCE: "Bounce",
    EventKind.HARD_BOUNCE: "Bounce",
    EventKind.COMPLAINT: "Complaint",
    EventKind.REJECTED: "Reject",
    EventKind.OPENED: "Open",
    EventKind.CLICKED: "Click",
    EventKind.UNSUBSCRIBED: "Subscription",
}


class SesCaller(Caller):
    """Publishes to a topic of ours; the signature is in the body."""

    alias = "ses"
    backend = "delivery.providers.email.services.AmazonSes"
    kinds = frozenset(TYPES)

    def __enter__(self) -> "SesCaller":
        self.sns = self.closing.enter_context(Sns())
        return self

    def configure(self, settings: Any, *, secret: bool = True) -> None:
        """With a fake of SNS in the place of the real one."""
        settings.OUTBOUND_ALLOWED_ORIGINS = [self.sns.origin]
        super().configure(settings, secret=secret)

    def options(self, *, secret: bool) -> dict[str, Any]:
        keys = {"access_key_id": KEY_ID, "secret_access_key": SECRET_KEY}
        topics = {"topic_arns": TOPIC if secret else "", "site": self.sns.origin}
        return {"region": REGION, **keys, **topics}

    def body(self, told: Sequence[Told]) -> bytes:
        (one,) = told
        return json.dumps(event(one)).encode()

    def sign(self, body: bytes, *, at: datetime) -> Posted:
        message = body.decode(errors="replace")
        id_ = str(uuid5(NAMESPACE_OID, message))
        return self.post(self.sns.envelope(message, topic=TOPIC, at=at, MessageId=id_))

    def post(self, envelope: Mapping[str, Any]) -> Posted:
        """A message of SNS as it is posted."""
        return Posted(posted(dict(envelope)), content_type="text/plain; charset=UTF-8")

    def forged(self, posted: Posted) -> list[Posted]:
        said = json.loads(posted.body)
        site = self.sns.origin
        other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return [
            self.post(each)
            for each in (
                {name: value for name, value in said.items() if name != "Signature"},
                {**said, "Message": said["Message"].replace("ann", "bob")},
                {**said, "Timestamp": "2031-01-01T00:00:00.000Z"},
                {**said, "Subject": "Another"},
                {**said, "SignatureVersion": "3"},
                {**said, "Signature": signature(said, other)},
                {**said, "TopicArn": TOPIC + "2"},
                {**said, "SigningCertURL": "https://sns.eu-west-1.amazonaws.com.evil.test/a.pem"},
                {**said, "SigningCertURL": f"{site}@evil.test/SimpleNotificationService-0.pem"},
                {**said, "SigningCertURL": f"{site}/SimpleNotificationService-0.pem"},
                {**said, "SigningCertURL": f"{site}/../SimpleNotificationService-0.pem"},
            )
        ]


def event(one: Told) -> dict[str, Any]:
    """A piece of news as SES writes it."""
    type_ = TYPES[one.kind]
    return {
        "eventType": type_,
        "mail": {
            "timestamp": one.at.isoformat(),
            "messageId": one.ref,
            "destination": [one.address],
            "headers": [
                {"name": "From", "value": "Acme <hello@acme.test>"},
                {"name": "X-Metadata", "value": json.dumps({"reference": str(one.reference)})},
            ],
        },
        type_[0].lower() + type_[1:]: {
            "timestamp": one.at.isoformat().replace("+00:00", "Z"),
            # SNS numbers each message of its own; two with equal content are the same one here.
            "key": one.key,
            **_more(one),
        },
    }


def _more(one: Told) -> dict[str, Any]:
    if TYPES[one.kind] == "Subscription":
        return {"newTopicPreferences": {"unsubscribeAll": True}}
    if TYPES[one.kind] != "Bounce":
        return {}
    hard = one.kind is EventKind.HARD_BOUNCE
    code = f"smtp; 550 5.1.1 <{one.address}>: user unknown"
    person = {"emailAddress": one.address, "status": "5.1.1", "diagnosticCode": code}
    return {
        "bounceType": "Permanent" if hard else "Transient",
        "bounceSubType": "NoEmail" if hard else "MailboxFull",
        "bouncedRecipients": [person],
    }
