"""Hand letters over through any other mail backend of Django, anymail's above all."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Protocol, runtime_checkable

from anymail.backends.base_requests import AnymailRequestsBackend
from anymail.exceptions import AnymailError, AnymailUnsupportedFeature
from django.core.exceptions import ImproperlyConfigured
from django.core.mail.backends.base import BaseEmailBackend

from delivery.classes import Table
from delivery.contracts import Outcome
from delivery.lifecycle import OutcomeKind
from delivery.providers.base import Watch, asked_to_wait
from delivery.providers.email.answering import BoundedAdapter
from delivery.providers.email.classes import MAIL_API
from delivery.providers.email.letter import Letter
from delivery.providers.email.replies import without_people
from delivery.providers.http import written
from notifysite.plumbing.kept import Kept


@runtime_checkable
class Watchable(Protocol):
    """A backend that speaks HTTP in its own way, and tells `watch` what is said."""

    watch: Watch | None


class ApiSender:
    """Sends each letter by one call of the backend."""

    def __init__(
        self, make_backend: Callable[[], BaseEmailBackend], *, table: Table = MAIL_API
    ) -> None:
        self._make_backend = make_backend
        self._table = table
        self._kept: Kept[BaseEmailBackend] = Kept(_close)

    def hand_over(self, letter: Letter, *, watch: Watch | None = None) -> Outcome:
        """Hand one letter over; `watch` is told what is said by HTTP."""
        backend = self._kept.take() or self._make_backend()
        try:
            opened = backend.open()
            if isinstance(backend, AnymailRequestsBackend):
                _prepare(backend.session, watch, new=bool(opened))
            elif isinstance(backend, Watchable):
                backend.watch = watch
            taken = _send(backend, letter)
        except (AnymailError, ImproperlyConfigured) as error:
            _close(backend)
            return self._failed(letter, error)
        except BaseException:
            _close(backend)
            raise
        self._kept.give(backend)
        return self._answered(letter, taken=taken)

    def close(self) -> None:
        """Close the kept connections, and keep none from now on."""
        for backend in self._kept.close():
            _close(backend)

    def _answered(self, letter: Letter, *, taken: int | None) -> Outcome:
        status = getattr(letter.mail, "anymail_status", None)
        words = sorted(str(word) for word in getattr(status, "status", None) or ())
        if taken == 0:
            words = ["not_sent"]
        return Outcome(
            reference=letter.message.reference,
            # A backend that is not of anymail says nothing of the person, and raises if it fails.
            kind=self._table.judge(*words) if words else OutcomeKind.ACCEPTED,
            code=",".join(words),
            provider_ref=str(getattr(status, "message_id", None) or "")[:255],
        )

    def _failed(self, letter: Letter, error: Exception) -> Outcome:
        response = getattr(error, "response", None)
        status = _status_code(response)
        return Outcome(
            reference=letter.message.reference,
            kind=self._table.judge(*_words(error, response)),
            code=str(status or type(error).__name__),
            detail=without_people(_text(response), local_part=letter.recipient.local),
            retry_after=asked_to_wait(_headers(response)),
        )


def _prepare(session: Any, watch: Watch | None, *, new: bool) -> None:
    if new:
        session.mount("https://", BoundedAdapter())
        session.mount("http://", BoundedAdapter())
    # requests would carry letter and credentials to wherever an answer points.
    session.max_redirects = 0
    session.hooks["response"] = [partial(_tell, watch)] if watch else []


def _tell(watch: Watch, answer: Any, **_: Any) -> None:
    asked = answer.request
    body = asked.body or b""
    raw = body.encode() if isinstance(body, str) else body
    watch(written(f"{asked.method} {asked.url}", asked.headers, raw))
    watch(written(f"HTTP {answer.status_code}", answer.headers, answer.content))


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


def _words(error: Exception, response: Any) -> set[str]:
    """What the table of answers knows a failure by."""
    # An earlier complaint of anymail's own that was answered by another try is in the context.
    kinds = {
        base.__name__
        for cause in _causes(error)
        if cause is error or not isinstance(cause, AnymailError)
        for base in type(cause).__mro__
    }
    status = _status_code(response)
    return kinds | _said(response) | ({str(status)} if status else set())


# Under which a service's own word for a failure stands in the answer.
_NAMED = ("ErrorCode", "code", "name")


def _said(response: Any) -> set[str]:
    if isinstance(response, dict):
        return {_text(response)}
    try:
        said = json.loads(_text(response))
    except (ValueError, RecursionError):
        return set()
    if not isinstance(said, dict):
        return set()
    return {f"{name}={said[name]}" for name in _NAMED if isinstance(said.get(name), str | int)}


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


def _headers(response: Any) -> Mapping[str, str]:
    if isinstance(response, dict):  # botocore writes their names in small letters
        given = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        return {name.title(): value for name, value in given.items()}
    return getattr(response, "headers", None) or {}
