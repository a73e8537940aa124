"""Amazon SNS: signs what it posts, shows its certificate, and hears who accepts an invitation."""

import base64
import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from tests.fakes.service import Reply, Service, Taken

CERTIFICATE = "/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": (
        "Message",
        "MessageId",
        "SubscribeURL",
        "Timestamp",
        "Token",
        "TopicArn",
        "Type",
    ),
}
HASHES = {"1": hashes.SHA1(), "2": hashes.SHA256()}


class Sns(Service):
    """One region of it; `confirmed` are the tokens of invitations that were accepted."""

    def __init__(self) -> None:
        super().__init__()
        self.confirmed: list[str] = []
        self.pem = certificate(key())

    def answer(self, call: Taken) -> Reply:
        """The certificate, or to an accepted invitation."""
        if call.method == "GET" and call.path == CERTIFICATE:
            return Reply(body=self.pem)
        if call.method == "GET" and call.query.get("Action") == ["ConfirmSubscription"]:
            self.confirmed += call.query["Token"]
            return Reply(body=b"<ConfirmSubscriptionResponse/>")
        return Reply(404)

    def envelope(self, message: str, *, topic: str, at: datetime, **said: Any) -> dict[str, Any]:
        """A message as it is posted, signed; what `said` has is said instead."""
        plain = {
            "Type": "Notification",
            "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
            "TopicArn": topic,
            "Message": message,
            "Timestamp": at.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
            "SignatureVersion": "1",
            "SigningCertURL": self.origin + CERTIFICATE,
            **said,
        }
        return {**plain, "Signature": signature(plain)}

    def invitation(self, *, topic: str, at: datetime, **said: Any) -> dict[str, Any]:
        """An invitation to a topic."""
        token = "2336412f37fb687f5d51e6e2425dacbba"
        url = f"{self.origin}/?Action=ConfirmSubscription&TopicArn={topic}&Token={token}"
        kind = {"Type": "SubscriptionConfirmation", "Token": token, "SubscribeURL": url}
        return self.envelope("You have chosen to subscribe.", topic=topic, at=at, **kind, **said)


def posted(envelope: dict[str, Any]) -> bytes:
    """The body that is posted."""
    return json.dumps(envelope, indent=2).encode()


def signature(said: dict[str, Any], by: rsa.RSAPrivateKey | None = None) -> str:
    """What SNS signs a message with."""
    named = [f"{name}\n{said[name]}\n" for name in SIGNED[said["Type"]] if name in said]
    algorithm = HASHES[said["SignatureVersion"]]
    raw = (by or key()).sign("".join(named).encode(), padding.PKCS1v15(), algorithm)
    return base64.b64encode(raw).decode()


@cache
def key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """The key of this SNS."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def certificate(of: rsa.RSAPrivateKey, *, days: tuple[int, int] = (-30, 300)) -> bytes:
    """A certificate that holds from so many days after today to so many."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(of.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .sign(of, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)
