"""Hand letters over through any other mail backend of Django, anymail's above all."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from anymail.exceptions import (
    AnymailError,
    AnymailInvalidAddress,
    AnymailRecipientsRefused,
    AnymailSerializationError,
    AnymailUnsupportedFeature,
)
from django.core.exceptions import ImproperlyConfigured
from django.core.mail.backends.base import BaseEmailBackend
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from delivery import backoff
from delivery.contracts import Outcome
from delivery.lifecycle import OutcomeKind
from delivery.providers.email.kept import Kept
from delivery.providers.email.letter import Letter
from delivery.providers.email.replies import without_people

_BY_STATUS = {
    **dict.fromkeys((408, 425, 429), OutcomeKind.TRANSIENT),
    **dict.fromkeys((401, 402, 403), OutcomeKind.ACCOUNT),
}
# What a service says only of what it has not taken; an answer with 2xx that cannot be read is a
# lost answer.
_BY_CLASS = {
    3: OutcomeKind.ACCOUNT,
    4: OutcomeKind.REFUSED_MESSAGE,
    5: OutcomeKind.TRANSIENT,
}
# What the service says of the one recipient.
_BY_WORD = {
    "invalid": OutcomeKind.REFUSED_ADDRESS,
    "rejected": OutcomeKind.REFUSED_ADDRESS,
    "failed": OutcomeKind.REFUSED_MESSAGE,
    "unknown": OutcomeKind.UNKNOWN,
}
_UNWRITABLE = (AnymailUnsupportedFeature, AnymailSerializationError)
_UNREACHED = (NewConnectionError, ConnectTimeoutError, ssl.SSLCertVerificationError)


class ApiSender:
    """Sends each letter by one call of the backend."""

    def __init__(self, make_backend: Callable[[], BaseEmailBackend]) -> None:
        self._make_backend = make_backend
        self._kept: Kept[BaseEmailBackend] = Kept(_close)

    def hand_over(self, letter: Letter) -> Outcome:
        """Hand one letter over."""
        backend = self._kept.take() or self._make_backend()
        try:
            backend.open()
            taken = _send(backend, letter)
        except (AnymailError, ImproperlyConfigured) as error:
            _close(backend)
            return _failed(letter, error)
        except BaseException:
            _close(backend)
            raise
        self._kept.give(backend)
        return _answered(letter, taken=taken)

    def close(self) -> None:
        """Close the kept connections, and keep none from now on."""
        for backend in self._kept.close():
            _close(backend)


def _send(backend: BaseEmailBackend, letter: Letter) -> int | None:
    # News of the service then names the delivery, even before we know the service's own id.
    letter.mail.metadata = {"reference": str(letter.message.reference)}  # type: ignore[attr-defined]
    try:
        return backend.send_messages([letter.mail])
    except AnymailUnsupportedFeature:
        del letter.mail.metadata  # type: ignore[attr-defined]
        return backend.send_messages([letter.mail])


def _close(backend: BaseEmailBackend) -> None:
    with suppress(OSError):
        backend.close()


def _answered(letter: Letter, *, taken: int | None) -> Outcome:
    status = getattr(letter.mail, "anymail_status", None)
    words = sorted(str(word) for word in getattr(status, "status", None) or ())
    kind = next((_BY_WORD[word] for word in words if word in _BY_WORD), OutcomeKind.ACCEPTED)
    if taken == 0:
        kind, words = OutcomeKind.REFUSED_MESSAGE, ["not_sent"]
    return Outcome(
        reference=letter.message.reference,
        kind=kind,
        code=",".join(words),
        provider_ref=str(getattr(status, "message_id", None) or "")[:255],
    )


def _failed(letter: Letter, error: Exception) -> Outcome:
    response = getattr(error, "response", None)
    status = _status_code(response)
    return Outcome(
        reference=letter.message.reference,
        kind=_kind(error, status),
        code=str(status or type(error).__name__),
        detail=without_people(_text(response), local_part=letter.recipient.local),
        retry_after=_retry_after(response),
    )


def _kind(error: Exception, status: int | None) -> OutcomeKind:
    if isinstance(error, AnymailRecipientsRefused | AnymailInvalidAddress):
        return OutcomeKind.REFUSED_ADDRESS
    if isinstance(error, _UNWRITABLE):
        return OutcomeKind.REFUSED_MESSAGE
    if isinstance(error, ImproperlyConfigured):
        return OutcomeKind.ACCOUNT
    if status is not None:
        return _BY_STATUS.get(status) or _BY_CLASS.get(status // 100, OutcomeKind.UNKNOWN)
    if any(isinstance(cause, _UNREACHED) for cause in _causes(error)):
        return OutcomeKind.TRANSIENT
    return OutcomeKind.UNKNOWN


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all it is made of: urllib3 wraps causes in arguments and reasons."""
    seen: set[int] = set()
    found = [error]
    while found:
        each = found.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        inside = (each.__cause__, each.__context__, getattr(each, "reason", None), *each.args)
        found += [one for one in inside if isinstance(one, BaseException)]


def _status_code(response: Any) -> int | None:
    if isinstance(response, dict):  # as botocore gives it
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    else:
        status = getattr(response, "status_code", None)
    return status if isinstance(status, int) else None


def _text(response: Any) -> str:
    if isinstance(response, dict):
        return str(response.get("Error", {}).get("Code", ""))
    text = getattr(response, "text", "")
    return text[:2000] if isinstance(text, str) else ""


def _retry_after(response: Any) -> float | None:
    headers = getattr(response, "headers", None) or {}
    return backoff.retry_after(headers.get("Retry-After"), now=datetime.now(UTC))
