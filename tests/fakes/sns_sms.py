"""Amazon SNS as its API reference describes Publish to a phone number, by the Query protocol."""

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape

from tests.fakes.aws import KEY_ID, REGION, SECRET_KEY, is_signed
from tests.fakes.service import Reply, Service, Taken

_E164 = re.compile(r"\+[1-9]\d{6,14}")
_ORIGIN = re.compile(r"\+?\d{5,14}")
_SENDER_ID = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9-]{1,11}")
_CHECKS = {
    "AWS.SNS.SMS.SMSType": re.compile("Promotional|Transactional"),
    "AWS.SNS.SMS.SenderID": _SENDER_ID,
    "AWS.MM.SMS.OriginationNumber": _ORIGIN,
}


@dataclass(frozen=True)
class Kept:
    """A message that was taken."""

    id: str
    number: str = field(repr=False)
    text: str
    attributes: Mapping[str, str]


class SnsApi(Service):
    """One account in one region; `opted_out`: numbers that said STOP to it."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[Kept] = []
        self.opted_out: set[str] = set()
        self._numbers = itertools.count(1)

    def environment(self) -> dict[str, str]:
        """The variables that lead to this fake."""
        return {
            "SNS_SMS_REGION": REGION,
            "SNS_SMS_ACCESS_KEY_ID": KEY_ID,
            "SNS_SMS_SECRET_ACCESS_KEY": SECRET_KEY,
            "SNS_SMS_FROM": "Acme",
            "SNS_SMS_SENDERS": "+1=+15005550006",
            "SNS_SMS_URL": self.origin,
        }

    def answer(self, call: Taken) -> Reply:
        if not is_signed(call, service="sns"):
            return no(403, "SignatureDoesNotMatch", "The signature does not match.")
        form = call.form
        if (call.path, form.get("Action"), form.get("Version")) != ("/", "Publish", "2010-03-31"):
            return no(400, "InvalidAction", "No such action.")
        kept = Kept(
            f"00000000-0000-5000-8000-{next(self._numbers):012d}",
            form.get("PhoneNumber", ""),
            form.get("Message", ""),
            _attributes(form),
        )
        if fault := self._fault(kept):
            return fault
        self.kept.append(kept)
        return yes(kept.id)

    def _fault(self, kept: Kept) -> Reply | None:
        if not _E164.fullmatch(kept.number):
            what = f"PhoneNumber Reason: {kept.number} is not valid to publish to"
            return no(400, "InvalidParameter", f"Invalid parameter: {what}")
        if not kept.text or len(kept.text) > 1600:
            return no(400, "InvalidParameter", "Invalid parameter: Message")
        for name, value in kept.attributes.items():
            if name not in _CHECKS or not _CHECKS[name].fullmatch(value):
                return no(400, "ParameterValueInvalid", f"Invalid parameter: {name}")
        if kept.number in self.opted_out:
            return no(400, "OptedOut", f"{kept.number} has opted out.")
        return None


def yes(id_: str) -> Reply:
    """What is answered to a message that was taken."""
    return Reply(
        200,
        _xml(
            f"<PublishResponse {_SPACE}><PublishResult><MessageId>{id_}</MessageId>"
            "</PublishResult><ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata>"
            "</PublishResponse>"
        ),
        {"Content-Type": "text/xml"},
    )


def no(status: int, code: str, message: str) -> Reply:
    """An error, as the Query protocol writes one."""
    kind = "Sender" if status < 500 else "Receiver"
    return Reply(
        status,
        _xml(
            f"<ErrorResponse {_SPACE}><Error><Type>{kind}</Type><Code>{code}</Code>"
            f"<Message>{escape(message)}</Message></Error><RequestId>r-1</RequestId>"
            "</ErrorResponse>"
        ),
        {"Content-Type": "text/xml"},
    )


_SPACE = 'xmlns="http://sns.amazonaws.com/doc/2010-03-31/"'


def _xml(text: str) -> bytes:
    return text.encode()


def _attributes(form: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for number in itertools.count(1):
        entry = f"MessageAttributes.entry.{number}"
        if f"{entry}.Name" not in form:
            return found
        assert form[f"{entry}.Value.DataType"] == "String"
        found[form[f"{entry}.Name"]] = form[f"{entry}.Value.StringValue"]
    raise AssertionError
