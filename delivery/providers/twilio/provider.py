"""SMS by Twilio's Messages API, with its receipts and what people write back."""

import base64
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import UUID
from xml.sax.saxutils import escape

from delivery.channels import SMS
from delivery.classes import AFTERWARDS
from delivery.contracts import Answer, Call, Feature, Heard, Message, Outcome, Report, Said
from delivery.errors import Malformed
from delivery.lifecycle import OutcomeKind
from delivery.providers import sms
from delivery.providers.base import seconds_left
from delivery.providers.http import HttpProvider, object_in, refused
from delivery.providers.twilio import signing
from delivery.providers.twilio.classes import LOST, STATUSES, TWILIO
from notifysite.plumbing.http import OutboundClient, OutboundResponse

API: Final = "https://api.twilio.com"
# Seconds that the Messages resource takes as its ValidityPeriod (Twilio, error 90007).
LEAST_VALIDITY, MOST_VALIDITY = 1, 36_000

_ACCOUNT = re.compile(r"AC[0-9a-fA-F]{32}")
_SERVICE = r"MG[0-9a-fA-F]{32}"
# What Twilio answers by itself when it is all that was written (Twilio, Advanced Opt-Out).
_THEIRS: Final = frozenset(
    {"stop", "stopall", "unsubscribe", "end", "quit", "revoke", "optout", "cancel"}
    | {"start", "yes", "unstop", "help", "info"}
)
ANSWERS: Final = ("rest", "all", "none")
_NOTHING: Final = Answer("<Response/>", "text/xml")


class Twilio(HttpProvider):
    """Sends SMS and RCS.

    `auth_token` is the account's, which also signs what Twilio tells us; `api_key` and `api_secret`
    log in, where they are given. `sender`: a number, a short code, a name, or the SID of a
    Messaging Service; `senders`: others by country (providers/sms.py). `answers`: what of STOP,
    START and HELP we answer: the `rest` that Twilio does not, `all`, or `none`. `url`: that of the
    region. `classes`: what answers mean, in place of what twilio/classes.py says.
    """

    features = frozenset({Feature.RECEIPTS, Feature.REPLIES, Feature.EXPIRY})

    def __init__(
        self,
        *,
        alias: str,
        account_sid: str,
        auth_token: str,
        api_key: str = "",
        api_secret: str = "",
        sender: str = "",
        messaging_service: str = "",
        senders: Mapping[str, str] | str = MappingProxyType({}),
        answers: str = "rest",
        url: str = API,
        timeout: float = 10.0,
        threads: int = 16,
        classes: Mapping[str, str] = MappingProxyType({}),
        client: OutboundClient | None = None,
    ) -> None:
        super().__init__(
            alias=alias,
            table=TWILIO,
            classes=classes,
            timeout=timeout,
            threads=threads,
            client=client,
        )
        if _ACCOUNT.fullmatch(account_sid) is None:
            raise ValueError("account_sid must be AC and 32 hexadecimal digits")
        self._url = f"{url.rstrip('/')}/2010-04-01/Accounts/{account_sid}/Messages.json"
        self._login = _login(account_sid, auth_token, api_key=api_key, api_secret=api_secret)
        self._senders = sms.Senders(messaging_service or sender, senders, ids=_SERVICE)
        self._answers = sms.one_of(ANSWERS, answers)
        self._auth_token = auth_token

    @property
    def reports(self) -> bool:
        """Receipts come where Twilio can reach us."""
        return bool(sms.receipts_url(self.alias))

    def exchange(self, message: Message, ends: float) -> Outcome:
        """Hand one message over."""
        sender = self._senders.of(message.address)
        if not sender:
            return refused(message, OutcomeKind.REFUSED_MESSAGE, sms.NO_SENDER)
        answer = self.post(
            self._url,
            content=urlencode(self._form(message, sender)).encode(),
            headers={
                "Authorization": self._login,
                "Content-Type": "application/x-www-form-urlencoded",
                "Accept": "application/json",
            },
            ends=ends,
        )
        return self._answered(message, answer)

    def _form(self, message: Message, sender: str) -> dict[str, str]:
        named = "MessagingServiceSid" if re.fullmatch(_SERVICE, sender) else "From"
        left = seconds_left(
            message.expires_at, otherwise=0, least=LEAST_VALIDITY, most=MOST_VALIDITY
        )
        form = {
            "To": message.address,
            named: sender,
            "Body": message.content.text,
            "ValidityPeriod": str(left or ""),
            "StatusCallback": sms.receipts_url(self.alias, message.reference),
        }
        return {name: value for name, value in form.items() if value}

    def _answered(self, message: Message, answer: OutboundResponse) -> Outcome:
        said = object_in(answer.body)
        if isinstance(sid := said.get("sid"), str) and answer.status < 300:
            return self.judged(message, answer, "sid", code=str(answer.status), ref=sid)
        code = said.get("code")
        if not isinstance(code, int):
            return self.judged(message, answer)
        # What Twilio says of it names the number, so operators are told where to read.
        return self.judged(message, answer, str(code), code=str(code), detail=_about(str(code)))

    def hear(self, call: Call) -> Heard:
        """A receipt, or what a person wrote. Twilio signs no time: what is said again is known by
        the message's SID and what became of it."""
        told = signing.read(call, self._auth_token)
        if status := _text(told, "MessageStatus"):
            return Heard(reports=self._reports(call, told, status), answer=_NOTHING)
        if "Body" in told:
            return Heard(said=[self._said(call, told)], answer=_NOTHING)
        return Heard(answer=_NOTHING)

    def reply(self, said: Said, text: str) -> Answer:
        """Let Twilio send it, by TwiML."""
        return Answer(f"<Response><Message>{escape(text)}</Message></Response>", "text/xml")

    def _reports(self, call: Call, told: Mapping[str, Any], status: str) -> list[Report]:
        sid, code = _sid(told), _text(told, "ErrorCode")
        kind = STATUSES.get(status)
        if status in LOST and code:
            kind = AFTERWARDS.get(self._table.judge(code), kind)
        if kind is None:
            return []
        return [
            Report(
                kind=kind,
                at=call.at,
                event_key=f"{sid}:{kind.name}",
                reference=_reference(call.url),
                provider_ref=sid,
                code=code or status,
                detail=_about(code),
            )
        ]

    def _said(self, call: Call, told: Mapping[str, Any]) -> Said:
        # What Twilio understood, by words that an installation taught it, we need not.
        understood = _text(told, "OptOutType")
        text = understood or _text(told, "Body")
        theirs = bool(understood) or text.strip().casefold() in _THEIRS
        return Said(
            channel=SMS.number,
            address=_text(told, "From").removeprefix("rcs:"),
            number=_text(told, "To"),
            text=text,
            at=call.at,
            event_key=_sid(told),
            answered=self._answers == "none" or (self._answers == "rest" and theirs),
        )


def _login(account_sid: str, auth_token: str, *, api_key: str, api_secret: str) -> str:
    if bool(api_key) != bool(api_secret):
        raise ValueError("api_key and api_secret go together")
    user, password = (api_key, api_secret) if api_key else (account_sid, auth_token)
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def _sid(told: Mapping[str, Any]) -> str:
    sid = _text(told, "MessageSid") or _text(told, "SmsSid")
    if not sid:
        raise Malformed("It names no message.")
    return sid


def _text(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name)
    return value if isinstance(value, str) else ""


def _reference(url: str) -> UUID | None:
    try:
        return UUID(parse_qs(urlsplit(url).query)["ref"][-1])
    except (KeyError, ValueError):
        return None


def _about(code: str) -> str:
    return f"See twilio.com/docs/api/errors/{code}." if code.isdecimal() else ""
