"""SMS by Vonage's Messages API v1, with its receipts and what people write back.

Not by the SMS API: Vonage recommends Messages for all that is new (SMS API to Messages migration),
and its callbacks are signed by default, body included.
"""

import json
import time
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import structlog

from delivery.channels import SMS
from delivery.classes import AFTERWARDS
from delivery.contracts import Answer, Call, Feature, Heard, Message, Outcome, Report, Said
from delivery.errors import Malformed
from delivery.lifecycle import OutcomeKind
from delivery.providers import calls, sms
from delivery.providers.base import seconds_left
from delivery.providers.http import HttpProvider, object_in, refused
from delivery.providers.vonage.classes import LOST, STATUSES, VONAGE
from delivery.providers.vonage.signing import Tokens, verify
from notifysite.plumbing.http import (
    NoAnswer,
    OutboundClient,
    OutboundResponse,
    Unreachable,
    UnsafeURL,
)

log = structlog.get_logger(__name__)

API: Final = "https://api.nexmo.com"
# Vonage, Messages API reference: `text` and `ttl` (in seconds) of an SMS; an MMS has others.
MOST_CHARACTERS: Final = 3200
LEAST_TTL, MOST_TTL = 20, 604_800
REPLY_SECONDS: Final = 5.0  # while Vonage waits for the answer to its call
ANSWERS: Final = ("all", "none")


class Vonage(HttpProvider):
    """Sends SMS.

    `application_id` and its `private_key` (PEM) log in; `signature_secret` is what Vonage signs its
    calls with: without it nothing that it says is believed. `sender`: a number or a name;
    `senders`: others by country (providers/sms.py). `answers`: whether we answer STOP, START and
    HELP (`all`, `none`). `url`: that of the region. `classes`: what answers mean, in place of what
    vonage/classes.py says.
    """

    features = frozenset({Feature.RECEIPTS, Feature.REPLIES, Feature.EXPIRY})

    def __init__(
        self,
        *,
        alias: str,
        application_id: str,
        private_key: str,
        signature_secret: str = "",
        sender: str = "",
        senders: Mapping[str, str] | str = MappingProxyType({}),
        answers: str = "all",
        url: str = API,
        timeout: float = 10.0,
        threads: int = 16,
        classes: Mapping[str, str] = MappingProxyType({}),
        client: OutboundClient | None = None,
    ) -> None:
        super().__init__(
            alias=alias,
            table=VONAGE,
            classes=classes,
            timeout=timeout,
            threads=threads,
            client=client,
        )
        self._url = f"{url.rstrip('/')}/v1/messages"
        self._application_id = application_id
        self._secret = signature_secret
        self._senders = sms.Senders(sender, senders)
        self._tokens = Tokens(application_id, private_key)
        self._answers = sms.one_of(ANSWERS, answers)

    @property
    def reports(self) -> bool:
        """Receipts come where Vonage can reach us and we know it by its signature."""
        return bool(self._secret and sms.receipts_url(self.alias))

    def exchange(self, message: Message, ends: float) -> Outcome:
        """Hand one message over."""
        if len(message.content.text) > MOST_CHARACTERS:
            return refused(message, OutcomeKind.REFUSED_MESSAGE, "too_large")
        sender = self._senders.of(message.address)
        if not sender:
            return refused(message, OutcomeKind.REFUSED_MESSAGE, sms.NO_SENDER)
        return self._answered(message, self._say(self._letter(message, sender), ends))

    def _say(self, letter: Mapping[str, Any], ends: float) -> OutboundResponse:
        return self.post(
            self._url,
            content=json.dumps({"channel": "sms", "message_type": "text", **letter}).encode(),
            headers={
                "Authorization": f"Bearer {self._tokens.current()}",
                "Content-Type": "application/json",
                "Accept": "application/json",
            },
            ends=ends,
        )

    def _letter(self, message: Message, sender: str) -> dict[str, Any]:
        letter: dict[str, Any] = {
            "to": _bare(message.address),
            "from": _bare(sender),
            "text": message.content.text,
            "client_ref": str(message.reference),
        }
        if ttl := seconds_left(message.expires_at, otherwise=0, least=LEAST_TTL, most=MOST_TTL):
            letter["ttl"] = ttl
        if url := sms.receipts_url(self.alias):
            letter |= {"webhook_url": url, "webhook_version": "v1"}
        return letter

    def _answered(self, message: Message, answer: OutboundResponse) -> Outcome:
        said = object_in(answer.body)
        if isinstance(uuid := said.get("message_uuid"), str) and answer.status < 300:
            return self.judged(message, answer, "uuid", code=str(answer.status), ref=uuid)
        # Their sentences may hold the number; the word is enough to look it up by.
        code = _code(said)
        return self.judged(message, answer, *filter(None, [code]), code=code)

    def hear(self, call: Call) -> Heard:
        """A receipt, or what a person wrote; signed with the time."""
        verify(call, self._secret, application_id=self._application_id)
        told = calls.json_of(call)
        if status := _text(told, "status"):
            return Heard(reports=self._reports(told, status))
        if _text(told, "channel") == "sms" and "text" in told:
            return Heard(said=[self._said(told)])
        return Heard()

    def reply(self, said: Said, text: str) -> Answer:
        """Send it from the number that was written to. What goes wrong is not tried again."""
        letter = {"to": _bare(said.address), "from": _bare(said.number), "text": text}
        try:
            answer = self._say(letter, time.monotonic() + REPLY_SECONDS)
        except (UnsafeURL, Unreachable, NoAnswer) as error:
            log.warning("reply_not_sent", provider=self.alias, error=type(error).__name__)
        else:
            if answer.status >= 300:
                log.warning("reply_not_sent", provider=self.alias, status=answer.status)
        return Answer()

    def _reports(self, told: Mapping[str, Any], status: str) -> list[Report]:
        uuid, error = _uuid(told), told.get("error")
        code = _code(error) if isinstance(error, dict) else ""
        kind = STATUSES.get(status)
        if status in LOST and code:
            kind = AFTERWARDS.get(self._table.judge(code), kind)
        if kind is None:
            return []
        return [
            Report(
                kind=kind,
                at=_moment(told),
                event_key=f"{uuid}:{kind.name}",
                reference=_reference(_text(told, "client_ref")),
                provider_ref=uuid,
                code=code or status,
            )
        ]

    def _said(self, told: Mapping[str, Any]) -> Said:
        return Said(
            channel=SMS.number,
            address=_dialled(_text(told, "from")),
            number=_text(told, "to"),
            text=_text(told, "text"),
            at=_moment(told),
            event_key=_uuid(told),
            answered=self._answers == "none",
        )


def _bare(number: str) -> str:
    """As Vonage writes a number: without the plus."""
    return number.removeprefix("+")


def _dialled(number: str) -> str:
    return f"+{number}" if number.isdecimal() else number


def _code(error: Mapping[str, Any]) -> str:
    """The end of a problem's type, such as 1120 of …/api-errors/messages#1120."""
    return _text(error, "type").rpartition("#")[2][:80]


def _uuid(told: Mapping[str, Any]) -> str:
    uuid = _text(told, "message_uuid")
    if not uuid:
        raise Malformed("It names no message.")
    return uuid


def _moment(told: Mapping[str, Any]) -> datetime:
    try:
        at = datetime.fromisoformat(_text(told, "timestamp"))
    except ValueError:
        raise Malformed("It does not say when.") from None
    if at.tzinfo is None:
        raise Malformed("It does not say in which zone its time is.")
    return at


def _reference(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _text(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name)
    return value if isinstance(value, str) else ""
