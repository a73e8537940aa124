"""The access token by which Google knows us, kept while it holds (RFC 7523)."""

import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from urllib.parse import urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from delivery.lifecycle import OutcomeKind
from delivery.providers.base import asked_to_wait
from delivery.providers.fcm.classes import LOGIN
from delivery.providers.http import object_in
from notifysite.plumbing.http import NoAnswer, OutboundResponse, Unreachable

SCOPE: Final = "https://www.googleapis.com/auth/firebase.messaging"
GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASKED_FOR: Final = 3600  # seconds; Google signs for no longer
RENEWED: Final = 300  # seconds before its end that a token is replaced
_WORD = re.compile(r"[a-z_]{1,60}")
_NEEDED: Final = ("client_email", "private_key", "token_uri", "project_id")


class Post(Protocol):
    """Posts once; raises Unreachable or NoAnswer."""

    def __call__(
        self, url: str, *, content: bytes, headers: Mapping[str, str], ends: float
    ) -> OutboundResponse: ...


class NoLogin(Exception):
    """Google gave no token, so nothing was sent; the rest is said as an Outcome says it."""

    def __init__(self, kind: OutcomeKind, code: str, retry_after: float | None = None) -> None:
        super().__init__(code)
        self.kind = kind
        self.code = code
        self.retry_after = retry_after


def read_account(given: str) -> dict[str, Any]:
    """The JSON key of a service account, as Google hands it out. Raises ValueError."""
    account = object_in(given.encode())
    if missing := [name for name in _NEEDED if not isinstance(account.get(name), str)]:
        raise ValueError(
            f"service_account must be the JSON key of a service account; it has no "
            f"{', '.join(missing)}"
        )
    return account


@dataclass(frozen=True, slots=True)
class _Held:
    """A token; times are on the monotonic clock."""

    token: str = field(default="", repr=False)
    renewed_at: float = 0.0
    until: float = 0.0

    @property
    def holds(self) -> bool:
        return time.monotonic() < self.until

    @property
    def is_fresh(self) -> bool:
        return time.monotonic() < self.renewed_at


class Login:
    """The access token of a service account; one thread at a time asks for a new one."""

    def __init__(self, account: Mapping[str, Any], post: Post) -> None:
        self._account = account
        self._key = _rsa_key(account["private_key"])
        self._post = post
        self._held = _Held()
        self._asking = threading.Lock()

    def token(self, ends: float) -> str:
        """A token that holds, by `ends`, a moment of time.monotonic(). Raises NoLogin."""
        held = self._held
        if held.is_fresh:
            return held.token
        # One that still holds is good for the others while somebody renews it.
        if not self._asking.acquire(timeout=0 if held.holds else max(ends - time.monotonic(), 0)):
            if held.holds:
                return held.token
            raise NoLogin(OutcomeKind.TRANSIENT, "login_busy")
        try:
            return self._held.token if self._held.is_fresh else self._renewed(ends)
        finally:
            self._asking.release()

    def forget(self, token: str) -> None:
        """Ask anew the next time: this one was not accepted."""
        with self._asking:
            if token == self._held.token:
                self._held = _Held()

    def _renewed(self, ends: float) -> str:
        try:
            self._held = self._issued(ends)
        except NoLogin:
            if not self._held.holds:
                raise
        return self._held.token

    def _issued(self, ends: float) -> _Held:
        answer = self._asked(ends)
        said = object_in(answer.body)
        token, seconds = said.get("access_token"), said.get("expires_in")
        if answer.status == 200 and isinstance(token, str) and isinstance(seconds, int):
            now = time.monotonic()
            return _Held(token, now + max(seconds - RENEWED, seconds / 2), now + seconds)
        error = said.get("error")
        word = error if isinstance(error, str) and _WORD.fullmatch(error) else ""
        kind = LOGIN.judge(str(answer.status), word)
        raise NoLogin(kind, f"login_{word or answer.status}", asked_to_wait(answer.headers))

    def _asked(self, ends: float) -> OutboundResponse:
        form = urlencode({"grant_type": GRANT, "assertion": self._assertion()})
        try:
            return self._post(
                self._account["token_uri"],
                content=form.encode(),
                headers={"Content-Type": "application/x-www-form-urlencoded"},
                ends=ends,
            )
        except (Unreachable, NoAnswer):
            raise NoLogin(OutcomeKind.TRANSIENT, "login_unreachable") from None

    def _assertion(self) -> str:
        now = int(time.time())
        claims = {
            "iss": self._account["client_email"],
            "scope": SCOPE,
            "aud": self._account["token_uri"],
            "iat": now,
            "exp": now + ASKED_FOR,
        }
        headers = {"kid": self._account.get("private_key_id", "")}
        return jwt.encode(claims, self._key, algorithm="RS256", headers=headers)


def _rsa_key(pem: str) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("service_account: private_key must be an RSA key in PEM")
    return key
