"""SendGrid, as its documentation describes Mail Send and the signed Event Webhook."""

import base64
from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.fakes.mail.base import (
    File,
    Letter,
    MailService,
    Refused,
    decoded,
    is_line,
    is_mailbox,
)
from tests.fakes.service import Reply, Taken

KEY = "SG.sendgrid-api-key"
_RESERVED = {"to", "from", "subject", "reply-to", "cc", "bcc", "content-type", "received"}


@cache
def _pair() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def public_key() -> str:
    """The verification key, as the settings of the webhook show it."""
    raw = (
        _pair()
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return base64.b64encode(raw).decode()


def signature(stamp: str, body: bytes) -> str:
    """What SendGrid signs a call with."""
    return base64.b64encode(_pair().sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()


class SendGrid(MailService):
    """One account."""

    variables: ClassVar[Mapping[str, str]] = {
        "SENDGRID_API_KEY": KEY,
        "SENDGRID_PUBLIC_KEY": public_key(),
    }
    api_url = "SENDGRID_API_URL"
    api_path = "/v3"

    def read(self, call: Taken) -> Letter:
        """POST /v3/mail/send."""
        if call.headers.get("Authorization") != f"Bearer {KEY}":
            raise Refused(no(401, "The provided authorization grant is invalid"))
        if (call.method, call.path) != ("POST", "/v3/mail/send"):
            raise Refused(no(404, "not found"))
        said = call.json
        (envelope,) = said["personalizations"]
        (person,) = envelope["to"]
        headers = said["headers"]
        if not is_mailbox(person["email"]):
            raise Refused(no(400, "Does not contain a valid address."))
        odd = _RESERVED & {name.lower() for name in headers}
        if odd or not all(map(is_line, [said["subject"], *headers, *headers.values()])):
            raise Refused(no(400, "The headers are not valid."))
        parts = {part["type"]: part["value"] for part in said["content"]}
        return Letter(
            id=envelope["custom_args"]["anymail_id"],
            to=person["email"],
            subject=said["subject"],
            text=parts.get("text/plain", ""),
            html=parts.get("text/html", ""),
            headers=headers,
            reference=said["custom_args"]["reference"],
            files=tuple(map(_file, said.get("attachments", ()))),
        )

    def accepted(self, letter: Letter) -> Reply:
        """With nothing but a header."""
        return Reply(202, headers={"X-Message-Id": "sg-1"})


def no(status: int, message: str) -> Reply:
    """An error, as all of its API answers one."""
    said: dict[str, Any] = {"errors": [{"message": message, "field": None, "help": None}]}
    return Reply(status, said)


def _file(said: dict[str, str]) -> File:
    if not is_line(said["filename"]) or set(";,") & set(said["filename"]):
        raise Refused(no(400, "The filename of your attachment cannot contain CRLF characters."))
    if not is_line(said["type"]) or set(";,") & set(said["type"]):
        raise Refused(no(400, "The type cannot contain ';', or CRLF characters."))
    return File(said["filename"], decoded(said["content"]), said["type"])
