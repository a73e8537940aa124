"""Amazon SES, as its API v2 reference describes SendEmail, behind Signature Version 4."""

import base64
import json
from collections.abc import Mapping
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import ClassVar, cast

from tests.fakes.aws import KEY_ID, REGION, SECRET_KEY, is_signed
from tests.fakes.mail.base import File, Letter, MailService, Refused, is_mailbox
from tests.fakes.service import Reply, Taken

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
        if not is_signed(call, service="ses"):
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
        files=tuple(map(_file, mail.iter_attachments())),
    )


def _file(part: EmailMessage) -> File:
    content = cast("bytes", part.get_payload(decode=True))
    return File(part.get_filename(""), content, part.get_content_type())
