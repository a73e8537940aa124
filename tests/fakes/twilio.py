"""Twilio's Messages API: it checks login and parameters, and signs what it calls back with."""

import base64
import hashlib
import hmac
import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.fakes.service import Reply, Service, Taken

ACCOUNT = "AC" + "0" * 30 + "17"
TOKEN = "twilio-auth-token-0123456789abcdef"
MESSAGING_SERVICE = "MG" + "a" * 32
NUMBER = "+15005550006"
E164 = re.compile(r"\+[1-9]\d{6,14}")


@dataclass(frozen=True)
class Posted:
    """What Twilio posts to a URL of ours; `query` is what stands behind its `?`."""

    body: bytes
    headers: Mapping[str, str]
    query: str
    content_type: str = "application/x-www-form-urlencoded"


@dataclass
class Kept:
    """A message that was taken."""

    sid: str
    form: Mapping[str, str] = field(repr=False)


class TwilioApi(Service):
    """Takes what the real one takes. `opted_out`: numbers that replied STOP to it."""

    def __init__(self, *, login: tuple[str, str] = (ACCOUNT, TOKEN)) -> None:
        super().__init__()
        self.kept: list[Kept] = []
        self.opted_out: set[str] = set()
        self._login = login
        self._numbers = itertools.count(1)

    def answer(self, call: Taken) -> Reply:
        if call.path != f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json":
            return error(404, 20404, "The requested resource was not found")
        wanted = base64.b64encode(":".join(self._login).encode()).decode()
        if call.headers.get("Authorization") != f"Basic {wanted}":
            return error(401, 20003, "Authenticate")
        if fault := self._fault(call.form):
            return fault
        kept = Kept(f"SM{next(self._numbers):032x}", call.form)
        self.kept.append(kept)
        first = "accepted" if "MessagingServiceSid" in call.form else "queued"
        return Reply(201, {"sid": kept.sid, "status": first, "error_code": None, **_echo(kept)})

    def _fault(self, form: Mapping[str, str]) -> Reply | None:
        to, callback = form.get("To", ""), form.get("StatusCallback", "https://a.example")
        if not E164.fullmatch(to):
            return error(400, 21211, f"The 'To' number {to} is not a valid phone number.")
        if ("From" in form) == ("MessagingServiceSid" in form):
            return error(400, 21603, "A 'From' phone number is required.")
        if not form.get("Body"):
            return error(400, 21602, "Message body is required.")
        if len(form["Body"]) > 1600:
            return error(400, 21617, "The concatenated message body exceeds 1600 characters.")
        if not 1 <= int(form.get("ValidityPeriod", "1")) <= 36000:
            return error(400, 21602, "The validity period is out of range.")
        if urlsplit(callback).scheme != "https" or "." not in (urlsplit(callback).hostname or ""):
            return error(400, 21609, f"The 'StatusCallback' URL {callback} is not a valid URL.")
        if to in self.opted_out:
            return error(400, 21610, f"Attempt to send to unsubscribed recipient {to}")
        return None

    def receipt(self, sid: str, status: str, *, code: str = "", token: str = TOKEN) -> Posted:
        """What it tells of a message, at the URL that came with it."""
        kept = next(one for one in self.kept if one.sid == sid)
        return receipt(kept.form["StatusCallback"], sid, status, code=code, token=token)


def receipt(url: str, sid: str, status: str, *, code: str = "", token: str = TOKEN) -> Posted:
    """A signed status callback."""
    said = {
        "MessageSid": sid,
        "SmsSid": sid,
        "MessageStatus": status,
        "SmsStatus": status,
        "AccountSid": ACCOUNT,
        "From": NUMBER,
        "To": "+491701234567",
        "ApiVersion": "2010-04-01",
    }
    return signed(url, said | ({"ErrorCode": code} if code else {}), token=token)


def signed(url: str, form: Mapping[str, str], *, token: str = TOKEN) -> Posted:
    """A call with this form, signed for this URL."""
    return Posted(
        urlencode(form).encode(),
        {"X-Twilio-Signature": signature(token, url, form)},
        urlsplit(url).query,
    )


def signature(token: str, url: str, form: Mapping[str, str]) -> str:
    text = url
    for name in sorted(form):
        text += name + form[name]
    return base64.b64encode(hmac.digest(token.encode(), text.encode(), hashlib.sha1)).decode()


def error(status: int, code: int, message: str) -> Reply:
    """An error in Twilio's words."""
    more = f"https://www.twilio.com/docs/errors/{code}"
    return Reply(status, {"code": code, "message": message, "more_info": more, "status": status})


def _echo(kept: Kept) -> dict[str, Any]:
    return {"to": kept.form["To"], "body": kept.form["Body"], "account_sid": ACCOUNT}
