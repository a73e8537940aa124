"""FCM: phones by Google's HTTP v1 API (Firebase, "Send a message using FCM HTTP v1 API")."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar

from delivery.contracts import Feature, Message, Outcome
from delivery.lifecycle import OutcomeKind
from delivery.providers.fcm.classes import FCM, LEAST_PAUSE, PAUSE
from delivery.providers.fcm.login import Login, NoLogin, read_account
from delivery.providers.fcm.payload import LARGEST, Look, body_of, is_topic
from delivery.providers.http import HttpProvider, object_in, refused
from delivery.providers.push import LONGEST_TTL, fit, phone_parts, require_ttl
from notifysite.plumbing.http import OutboundClient, OutboundResponse

_CODE = re.compile(r"[A-Z_]{1,60}")
_FIELD = re.compile(r"[a-z_.\[\]0-9]{1,80}")


class Fcm(HttpProvider):
    """Sends to apps that registered with Firebase, one by one, as a device group or by a topic.

    `service_account` is the JSON key of a service account that may send for the project; `project`
    is another one than its own. `icon`, `channel_id` and `click_action` are what Android shows and
    opens. `ttl`: seconds a message waits for a phone that is away, where it does not expire by
    itself. `timeout`: seconds for all of one message, `url` where FCM listens. `classes`: what
    answers mean, in place of what fcm/classes.py says.
    """

    kinds: ClassVar[frozenset[str]] = frozenset({"fcm"})
    features = frozenset({Feature.REPLACES, Feature.EXPIRY, Feature.IMAGES, Feature.ACTIONS})

    def __init__(
        self,
        *,
        alias: str,
        service_account: str,
        project: str = "",
        icon: str = "",
        channel_id: str = "",
        click_action: str = "",
        ttl: int = LONGEST_TTL,
        timeout: float = 10.0,
        threads: int = 16,
        url: str = "https://fcm.googleapis.com",
        classes: Mapping[str, str] = MappingProxyType({}),
        client: OutboundClient | None = None,
    ) -> None:
        super().__init__(
            alias=alias, table=FCM, classes=classes, timeout=timeout, threads=threads, client=client
        )
        account = read_account(service_account)
        self._url = f"{url}/v1/projects/{project or account['project_id']}/messages:send"
        self._login = Login(account, self.post)
        self._look = Look(icon=icon, channel_id=channel_id, click_action=click_action)
        self._ttl = require_ttl(ttl)

    def exchange(self, message: Message, ends: float) -> Outcome:
        """Hand one message over, a second time with a new token where the first is not accepted."""
        pack = partial(body_of, message, look=self._look, ttl=self._ttl)
        body = fit(phone_parts(message), LARGEST, pack=pack)
        if body is None:
            return refused(message, OutcomeKind.REFUSED_MESSAGE, "too_large")
        try:
            answer, token = self._posted(body, ends)
            if answer.status == 401 and "THIRD_PARTY_AUTH_ERROR" not in _words(answer):
                self._login.forget(token)
                answer, token = self._posted(body, ends)
        except NoLogin as error:
            said = refused(message, error.kind, error.code)
            return replace(said, retry_after=error.retry_after)
        return self._answered(message, answer)

    def _posted(self, body: bytes, ends: float) -> tuple[OutboundResponse, str]:
        token = self._login.token(ends)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        return self.post(self._url, content=body, headers=headers, ends=ends), token

    def _answered(self, message: Message, answer: OutboundResponse) -> Outcome:
        words = _words(answer)
        fields = [word for word in words if _FIELD.fullmatch(word) and word != "name"]
        outcome = self.judged(
            message,
            answer,
            *words,
            *(["topic"] if is_topic(message.address) else []),
            code=next((word for word in words if _CODE.fullmatch(word)), ""),
            detail=", ".join(fields),
            ref=_name(answer),
        )
        return replace(outcome, retry_after=_patience(answer.status, outcome.retry_after))


def _name(answer: OutboundResponse) -> str:
    """FCM's own name of a message, empty where it gave none."""
    name = object_in(answer.body).get("name") if answer.status == 200 else None
    return name if isinstance(name, str) else ""


def _words(answer: OutboundResponse) -> list[str]:
    """The errorCode, which says more than the canonical status behind it; then the fields."""
    if answer.status == 200:
        return ["name"] if _name(answer) else []
    error = object_in(answer.body).get("error")
    if not isinstance(error, dict):
        return []
    details = [one for one in _list(error.get("details")) if isinstance(one, dict)]
    codes = [*(one.get("errorCode") for one in details), error.get("status")]
    words = [code for code in codes if isinstance(code, str) and _CODE.fullmatch(code)]
    return [*words, *_fields(details)]


def _fields(details: list[dict[str, Any]]) -> Iterator[str]:
    for detail in details:
        for violation in _list(detail.get("fieldViolations")):
            field = violation.get("field") if isinstance(violation, dict) else None
            if isinstance(field, str) and _FIELD.fullmatch(field):
                yield field


def _list(found: Any) -> list[Any]:
    return found if isinstance(found, list) else []


def _patience(status: int, asked: float | None) -> float | None:
    if asked is None:
        return PAUSE.get(status)
    return max(asked, LEAST_PAUSE.get(status, 0.0))
