"""The adapter of a made-up provider with an HTTP API, written as a real one would be.

Its other side is `tests/chaos/stand/acme_service.py`, or whatever answers as it does.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import httpcore

from delivery.channels import SMS
from delivery.contracts import Answer, Call, Heard, Message, Outcome, Report, Said
from delivery.lifecycle import EventKind, OutcomeKind
from delivery.providers import calls
from delivery.providers.base import OneByOne, asked_to_wait
from notifysite.plumbing.http import NoAnswer, OutboundClient, OutboundResponse, Unreachable

CONNECT_SECONDS = 3.0
TOTAL_SECONDS = 10.0

_BY_STATUS: Mapping[int, OutcomeKind] = {
    **dict.fromkeys((401, 402, 403), OutcomeKind.ACCOUNT),
    **dict.fromkeys((408, 425, 429), OutcomeKind.TRANSIENT),
}
_BY_CLASS: Mapping[int, OutcomeKind] = {
    4: OutcomeKind.REFUSED_MESSAGE,
    5: OutcomeKind.TRANSIENT,
}


class Acme(OneByOne):
    """Posts each message with its reference as the Idempotency-Key.

    `url` takes the posts; `threads` go out at a time, for `seconds` at most; `idempotent_for`:
    seconds within which the service folds a repeat of the same reference.
    """

    def __init__(
        self,
        *,
        alias: str,
        url: str,
        threads: int = 8,
        idempotent_for: float = 0.0,
        seconds: float = TOTAL_SECONDS,
        secret: str = "",
    ) -> None:
        super().__init__(alias=alias, threads=threads, deadline=seconds + 2)
        self._seconds = seconds
        self.idempotent_for = idempotent_for
        self._url = url
        self._secret = secret
        self._client = OutboundClient(schemes=("http", "https"), dialer=_Dialer())

    def send_one(self, message: Message) -> Outcome:
        """Hand one message over."""
        try:
            answer = self._client.post(
                self._url,
                content=json.dumps(_body(message)).encode(),
                headers={
                    "Content-Type": "application/json",
                    "Idempotency-Key": str(message.reference),
                },
                deadline=self._seconds,
            )
        except Unreachable as error:
            return _outcome(message, OutcomeKind.TRANSIENT, "unreachable", detail=str(error))
        except NoAnswer as error:
            return _outcome(message, OutcomeKind.UNKNOWN, "no_answer", detail=str(error))
        return _answered(message, answer)

    def hear(self, call: Call) -> Heard:
        """News, signed with the time it was sent at."""
        calls.require_secret(self._secret)
        stamp = call.headers.get("X-Acme-Time", "")
        signed = signature(self._secret, stamp, call.body)
        calls.require_same(call.headers.get("X-Acme-Signature", ""), signed)
        calls.require_fresh(call, datetime.fromtimestamp(float(stamp), UTC))
        told = calls.objects(calls.json_of(call, kind=list))
        return Heard(
            reports=[_report(one) for one in told if "kind" in one],
            said=[_said(one) for one in told if "text" in one],
        )

    def reply(self, said: Said, text: str) -> Answer:
        """Its answer is what the person reads."""
        return Answer(text)

    def close(self) -> None:
        """Close the kept connections."""
        self._client.close()


class _Dialer(httpcore.SyncBackend):
    """Gives a connection three seconds, whatever the request has left."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        at_most = min(timeout or CONNECT_SECONDS, CONNECT_SECONDS)
        return super().connect_tcp(host, port, at_most, local_address, socket_options)


def signature(secret: str, stamp: str, body: bytes) -> str:
    """What Acme signs its news with."""
    return hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _report(said: Mapping[str, Any]) -> Report:
    return Report(
        kind=EventKind[said["kind"]],
        at=datetime.fromtimestamp(said["at"], UTC),
        event_key=said["id"],
        provider_ref=said["message"],
    )


def _said(said: Mapping[str, Any]) -> Said:
    return Said(
        channel=SMS.number,
        address=said["from"],
        number=said["to"],
        text=said["text"],
        at=datetime.fromtimestamp(said["at"], UTC),
        event_key=said["id"],
    )


def _body(message: Message) -> dict[str, Any]:
    return {
        "reference": str(message.reference),
        "channel": message.channel,
        "to": message.address,
        "subject": message.content.subject or message.content.title,
        "text": message.content.text,
    }


def _answered(message: Message, answer: OutboundResponse) -> Outcome:
    if 200 <= answer.status < 300:
        if (ref := _id_in(answer.body)) is None:
            return _outcome(message, OutcomeKind.UNKNOWN, "unreadable")
        return _outcome(message, OutcomeKind.ACCEPTED, str(answer.status), ref=ref)
    kind = _BY_STATUS.get(answer.status) or _BY_CLASS.get(answer.status // 100, OutcomeKind.UNKNOWN)
    asked = asked_to_wait(answer.headers)
    return _outcome(message, kind, str(answer.status), retry_after=asked)


def _id_in(body: bytes) -> str | None:
    try:
        return str(json.loads(body)["id"])
    except (ValueError, TypeError, KeyError):
        return None


def _outcome(
    message: Message,
    kind: OutcomeKind,
    code: str,
    *,
    detail: str = "",
    ref: str = "",
    retry_after: float | None = None,
) -> Outcome:
    return Outcome(
        reference=message.reference,
        kind=kind,
        code=code,
        detail=detail,
        provider_ref=ref,
        retry_after=retry_after,
    )
