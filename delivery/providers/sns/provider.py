"""SMS by Amazon SNS, straight to a number (Amazon SNS developer guide, "Publishing SMS messages to
a mobile phone"; API reference, "Publish").

Its answer is all there is: what became of a message SNS writes to CloudWatch, and calls nobody.
"""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import urlencode

from delivery.contracts import Message, Outcome
from delivery.lifecycle import OutcomeKind
from delivery.providers import sms
from delivery.providers.http import HttpProvider, refused
from delivery.providers.sns.classes import SNS
from delivery.providers.sns.signing import NoCredentials, Signer
from notifysite.plumbing.http import OutboundClient, OutboundResponse

VERSION: Final = "2010-03-31"
FORM: Final = "application/x-www-form-urlencoded; charset=utf-8"

_ID = re.compile(rb"<MessageId>([0-9A-Za-z-]{1,100})</MessageId>")
_CODE = re.compile(rb"<Code>([0-9A-Za-z.]{1,60})</Code>")
_NUMBER = re.compile(r"\+?[0-9]+")


class Sns(HttpProvider):
    """Sends SMS in one region.

    Without keys the AWS SDK looks for credentials where it always does. `sender`: a number or a
    name, `senders`: others by country (providers/sms.py); without one SNS takes what the account
    has. `url`: another endpoint. `classes`: what answers mean, in place of what sns/classes.py
    says.
    """

    def __init__(
        self,
        *,
        alias: str,
        region: str,
        access_key_id: str = "",
        secret_access_key: str = "",
        sender: str = "",
        senders: Mapping[str, str] | str = MappingProxyType({}),
        url: str = "",
        timeout: float = 10.0,
        threads: int = 16,
        classes: Mapping[str, str] = MappingProxyType({}),
        client: OutboundClient | None = None,
    ) -> None:
        super().__init__(
            alias=alias, table=SNS, classes=classes, timeout=timeout, threads=threads, client=client
        )
        self._signer = Signer(
            service="sns", region=region, key_id=access_key_id, secret=secret_access_key
        )
        self._url = f"{(url or _endpoint(region)).rstrip('/')}/"
        self._senders = sms.Senders(sender, senders) if sender or senders else None

    def exchange(self, message: Message, ends: float) -> Outcome:
        """Hand one message over."""
        content = urlencode(list(self._form(message))).encode()
        try:
            headers = self._signer.signed(
                self._url, content=content, headers={"Content-Type": FORM}
            )
        except NoCredentials as error:
            kind = OutcomeKind.TRANSIENT if error.passing else OutcomeKind.ACCOUNT
            return refused(message, kind, error.code)
        answer = self.post(self._url, content=content, headers=headers, ends=ends)
        return self._answered(message, answer)

    def _form(self, message: Message) -> Iterator[tuple[str, str]]:
        yield from (("Action", "Publish"), ("Version", VERSION))
        yield from (("PhoneNumber", message.address), ("Message", message.content.text))
        for number, (name, value) in enumerate(self._attributes(message).items(), 1):
            entry = f"MessageAttributes.entry.{number}"
            yield f"{entry}.Name", name
            yield f"{entry}.Value.DataType", "String"
            yield f"{entry}.Value.StringValue", value

    def _attributes(self, message: Message) -> dict[str, str]:
        attributes = {
            "AWS.SNS.SMS.SMSType": "Promotional" if message.marketing else "Transactional"
        }
        if sender := self._senders.of(message.address) if self._senders else "":
            is_number = _NUMBER.fullmatch(sender) is not None
            name = "AWS.MM.SMS.OriginationNumber" if is_number else "AWS.SNS.SMS.SenderID"
            attributes[name] = sender
        return attributes

    def _answered(self, message: Message, answer: OutboundResponse) -> Outcome:
        if answer.status < 300 and (found := _ID.search(answer.body)):
            return self.judged(message, answer, "id", ref=found[1].decode())
        # What SNS says of it names the number; the word is enough to look it up by.
        code = error[1].decode() if (error := _CODE.search(answer.body)) else ""
        return self.judged(message, answer, *filter(None, [code]), code=code)


def _endpoint(region: str) -> str:
    """Where SNS is in a region (AWS General Reference, "Amazon SNS endpoints and quotas")."""
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"https://sns.{region}.{domain}"
