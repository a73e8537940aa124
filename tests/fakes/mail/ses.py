"""Amazon SES, as its API v2 reference describes SendEmail, behind Signature Version 4.

What is signed, and how: AWS Identity and Access Management user guide, "Create a signed AWS API
request".
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import ClassVar, cast
from urllib.parse import urlsplit

from tests.fakes.mail.base import Letter, MailService, Refused, is_mailbox
from tests.fakes.service import Reply, Taken

REGION = "eu-west-1"
KEY_ID, SECRET_KEY = "AKIDEXAMPLE", "ses-secret-access-key"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:mail"
_WRITTEN_BY_IT = ("From", "To", "Subject", "Date", "MIME-Version", "X-Metadata")


class Ses(MailService):
    """One account in one region."""

    variables: ClassVar[Mapping[str, str]] = {
        "SES_REGION": REGION,
        "SES_ACCESS_KEY_ID": KEY_ID,
        "SES_SECRET_ACCESS_KEY": SECRET_KEY,
        "SES_CONFIGURATION_SET": "notifysite",
        "SES_TOPIC_ARNS": TOPIC,
    }
    api_url = "SES_API_URL"

    def read(self, call: Taken) -> Letter:
        """POST /v2/email/outbound-emails."""
        if not _is_signed(call):
            raise Refused(no(403, "SignatureDoesNotMatch", "The signature does not match."))
        if (call.method, call.path) != ("POST", "/v2/email/outbound-emails"):
            raise Refused(no(404, "NotFoundException", "No such operation."))
        said = call.json
        (to,) = said["Destination"]["ToAddresses"]
        if not is_mailbox(to):
            raise Refused(no(400, "BadRequestException", "Illegal address."))
        raw = base64.b64decode(said["Content"]["Raw"]["Data"], validate=True)
        mail = cast("EmailMessage", message_from_bytes(raw, policy=policy.default))
        if mail["To"] != to or len(set(mail.keys())) < len(mail.keys()):
            raise Refused(no(400, "MessageRejected", "The headers are odd."))
        return _letter(f"ses-{len(self.letters) + 1}", to, mail)

    def accepted(self, letter: Letter) -> Reply:
        """With the id of the message."""
        return Reply(body={"MessageId": letter.id})


def no(status: int, code: str, message: str) -> Reply:
    """An error, as all of its API answers one."""
    return Reply(status, {"message": message}, {"x-amzn-ErrorType": code})


def _letter(id_: str, to: str, mail: EmailMessage) -> Letter:
    text, html = (mail.get_body((kind,)) for kind in ("plain", "html"))
    headers = {
        name: str(value).strip()  # a long one begins on a line of its own
        for name, value in mail.items()
        if name not in _WRITTEN_BY_IT and not name.startswith("Content-")
    }
    return Letter(
        id=id_,
        to=to,
        subject=str(mail["Subject"]),
        text=text.get_content() if text else "",
        html=html.get_content() if html else "",
        headers=headers,
        reference=json.loads(mail["X-Metadata"])["reference"],
    )


def _is_signed(call: Taken) -> bool:
    scheme, _, rest = call.headers.get("Authorization", "").partition(" ")
    parts = dict(part.strip().split("=", 1) for part in rest.split(",")) if rest else {}
    scope = parts.get("Credential", "").split("/", 1)
    if scheme != "AWS4-HMAC-SHA256" or scope[0] != KEY_ID:
        return False
    day, region, service, end = scope[1].split("/")
    if (region, service, end) != (REGION, "ses", "aws4_request"):
        return False
    key = f"AWS4{SECRET_KEY}".encode()
    for part in (day, region, service, end):
        key = _mac(key, part)
    asked = hashlib.sha256(_canonical(call, parts["SignedHeaders"]).encode()).hexdigest()
    to_sign = "\n".join([scheme, call.headers["X-Amz-Date"], scope[1], asked])
    return hmac.compare_digest(_mac(key, to_sign).hex(), parts["Signature"])


def _canonical(call: Taken, signed: str) -> str:
    url = urlsplit(call.path)
    named = [f"{name}:{' '.join(call.headers[name].split())}\n" for name in signed.split(";")]
    payload = hashlib.sha256(call.body).hexdigest()
    return "\n".join([call.method, url.path, url.query, "".join(named), signed, payload])


def _mac(key: bytes, said: str) -> bytes:
    return hmac.new(key, said.encode(), hashlib.sha256).digest()
