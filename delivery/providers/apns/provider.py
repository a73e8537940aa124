"""APNs: Apple's devices, over HTTP/2 (Apple, Sending notification requests to APNs)."""

import re
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import ClassVar, Final

from delivery.contracts import Feature, Message, Outcome
from delivery.lifecycle import OutcomeKind
from delivery.providers.apns.classes import APNS, PAUSE
from delivery.providers.apns.login import Login
from delivery.providers.apns.payload import LARGEST, headers_of, payload_of
from delivery.providers.base import Watch, asked_to_wait, raised
from delivery.providers.http import object_in, refused, written
from delivery.providers.push import LONGEST_TTL, fit, phone_parts, require_ttl
from notifysite.plumbing import http2
from notifysite.plumbing.http import (
    NoAnswer,
    OutboundResponse,
    Unreachable,
    UnsafeURL,
)
from notifysite.plumbing.http2 import Http2Connection, Request
from notifysite.plumbing.kept import Kept

MOST_AT_ONCE: Final = 100

_REASON = re.compile(r"[A-Za-z]{1,60}")
_Outcomes = Generator[Outcome, None, list["_Letter"]]


class Apns:
    """Sends to apps on Apple's devices; all of a flight goes out on one connection.

    `key` is the text of a .p8 file, `key_id` and `team_id` say whose; `topic` is the app's bundle
    id. `ttl`: seconds a message waits for a device that is away, where it does not expire by
    itself. `timeout`: seconds for all of a flight, of `flight` messages. `url`: where APNs listens;
    `ca_file`: who vouches for it, in place of the usual authorities. `classes`: what answers mean,
    in place of what apns/classes.py says.
    """

    kinds: ClassVar[frozenset[str]] = frozenset({"apns"})
    features: ClassVar[frozenset[Feature]] = frozenset(
        {Feature.REPLACES, Feature.EXPIRY, Feature.IMAGES, Feature.ACTIONS}
    )
    watch: Watch | None = None

    def __init__(
        self,
        *,
        alias: str,
        key: str,
        key_id: str,
        team_id: str,
        topic: str,
        ttl: int = LONGEST_TTL,
        timeout: float = 10.0,
        flight: int = MOST_AT_ONCE,
        url: str = "https://api.push.apple.com",
        ca_file: str = "",
        classes: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.alias = alias
        self.flight = flight
        self._login = Login(key=key, key_id=key_id, team_id=team_id)
        self._topic = topic
        self._ttl = require_ttl(ttl)
        self._timeout = timeout
        self._url = url
        self._tls = http2.context(ca_file)
        self._table = APNS.overridden(classes)
        self._kept: Kept[Http2Connection] = Kept(Http2Connection.close)

    def send(self, messages: Sequence[Message]) -> Iterator[Outcome]:
        """Hand all messages over; outcomes come as they are known."""
        ends = time.monotonic() + self._timeout
        letters = []
        for message in messages:
            letter = self._letter(message)
            if isinstance(letter, Outcome):
                yield letter
            else:
                letters.append(letter)
        # Once more for what a connection that was closing did not look at, and for an old login.
        again = yield from self._posted(letters, ends=ends, last=False)
        yield from self._posted(again, ends=ends, last=True)

    def close(self) -> None:
        """Close the kept connections."""
        for connection in self._kept.close():
            connection.close()

    def _letter(self, message: Message) -> "_Letter | Outcome":
        try:
            body = fit(phone_parts(message), LARGEST, pack=lambda parts: payload_of(message, parts))
            headers = headers_of(message, topic=self._topic, ttl=self._ttl)
        except Exception as error:  # noqa: BLE001 - one message must not sink the others
            return raised(message, error)
        if body is None:
            return refused(message, OutcomeKind.REFUSED_MESSAGE, "too_large")
        if not message.address.isalnum() or not message.address.isascii():
            return refused(message, OutcomeKind.REFUSED_ADDRESS, "malformed_token")
        return _Letter(message, f"/3/device/{message.address}", headers, body)

    def _posted(self, letters: Sequence["_Letter"], *, ends: float, last: bool) -> _Outcomes:
        """Outcomes of those that are done with; returns those worth another try at once."""
        again: list[_Letter] = []
        if not letters:
            return again
        began, login = time.monotonic(), self._login.token()
        requests = [letter.request(login) for letter in letters]
        for request in requests:
            self._tell(f"POST {self._url}{request.path}", dict(request.headers), request.body)
        for place, answer in self._answers(requests, ends):
            letter = letters[place]
            if isinstance(answer, OutboundResponse):
                self._tell(f"HTTP/2 {answer.status}", answer.headers, answer.body)
            if not last and self._may_fare_better(answer, login):
                again.append(letter)
            else:
                yield replace(self._outcome(letter.message, answer), took=time.monotonic() - began)
        return again

    def _tell(self, first: str, headers: Mapping[str, str], body: bytes) -> None:
        if self.watch:
            self.watch(written(first, headers, body))

    def _answers(
        self, requests: Sequence[Request], ends: float
    ) -> Iterator[tuple[int, http2.Answer | UnsafeURL]]:
        try:
            connection = self._connection(ends)
        except (Unreachable, UnsafeURL) as error:
            for place in range(len(requests)):
                yield place, error
            return
        yield from connection.post(requests, ends=ends)
        if connection.is_usable(now=time.monotonic()):
            self._kept.give(connection)
        else:
            connection.close()

    def _connection(self, ends: float) -> Http2Connection:
        while kept := self._kept.take():
            if kept.is_usable(now=time.monotonic()):
                return kept
            kept.close()
        return Http2Connection(self._url, ssl_context=self._tls, at=ends)

    def _may_fare_better(self, answer: http2.Answer | UnsafeURL, login: str) -> bool:
        if isinstance(answer, OutboundResponse):
            return _reason(answer) == "ExpiredProviderToken" and self._login.replace(login)
        return isinstance(answer, Unreachable)

    def _outcome(self, message: Message, answer: http2.Answer | UnsafeURL) -> Outcome:
        match answer:
            case UnsafeURL():
                return refused(message, OutcomeKind.ACCOUNT, "unsafe_url", answer.reason)
            case Unreachable():
                return refused(message, OutcomeKind.TRANSIENT, "unreachable", str(answer))
            case NoAnswer():
                return refused(message, OutcomeKind.UNKNOWN, "no_answer", str(answer))
        reason = _reason(answer)
        since = ("registered_since",) if _is_stale(answer, message.registered_at) else ()
        return Outcome(
            reference=message.reference,
            kind=self._table.judge(str(answer.status), reason, *since),
            code=reason or str(answer.status),
            provider_ref=answer.headers.get("apns-id", "")[:255],
            retry_after=asked_to_wait(answer.headers) or PAUSE.get(answer.status),
        )


@dataclass(frozen=True, slots=True)
class _Letter:
    """A message as it is handed over."""

    message: Message
    path: str = field(repr=False)
    headers: list[tuple[str, str]]
    body: bytes = field(repr=False)

    def request(self, login: str) -> Request:
        """The same, signed."""
        return Request(self.path, [*self.headers, ("authorization", f"bearer {login}")], self.body)


def _reason(answer: OutboundResponse) -> str:
    """The one word that APNs says why."""
    said = object_in(answer.body).get("reason")
    return said if isinstance(said, str) and _REASON.fullmatch(said) else ""


def _is_stale(answer: OutboundResponse, registered_at: datetime | None) -> bool:
    """Whether the device was registered after APNs found it gone (its time is in milliseconds)."""
    gone_at = object_in(answer.body).get("timestamp")
    if registered_at is None or not isinstance(gone_at, int) or answer.status != 410:
        return False
    return registered_at.astimezone(UTC).timestamp() * 1000 > gone_at
