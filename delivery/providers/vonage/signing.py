"""The tokens by which Vonage knows us (RS256), and those by which we know Vonage (HS256)."""

import hashlib
import threading
import time
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from delivery.contracts import Call
from delivery.errors import Forged
from delivery.providers import calls

SIGNED_FOR: Final = 15 * 60  # seconds
SIGNED_ANEW: Final = 5 * 60  # how long before its end a token is replaced


class Tokens:
    """Signs for one application, and keeps what it signed while that holds.

    `private_key`: PEM, its lines parted by newlines or by `\\n`. Raises ValueError.
    """

    def __init__(self, application_id: str, private_key: str) -> None:
        try:
            key = load_pem_private_key(private_key.replace("\\n", "\n").encode(), password=None)
        except (ValueError, TypeError):
            key = None
        if not isinstance(key, RSAPrivateKey):
            raise ValueError("private_key must be the application's RSA key, in PEM")
        self._key = key
        self._application_id = application_id
        self._kept = (0, "")
        self._lock = threading.Lock()

    def current(self) -> str:
        """A token that holds for some minutes more."""
        now = int(time.time())
        with self._lock:
            until, token = self._kept
            # A clock that was set back leaves a token that begins later.
            if not SIGNED_ANEW < until - now <= SIGNED_FOR:
                until = now + SIGNED_FOR
                token = self._sign(now, until)
                self._kept = until, token
            return token

    def _sign(self, now: int, until: int) -> str:
        claims = {"application_id": self._application_id, "iat": now, "exp": until}
        return jwt.encode({**claims, "jti": str(uuid4())}, self._key, algorithm="RS256")


def verify(call: Call, secret: str, *, application_id: str) -> None:
    """Raise Unsecured, Forged or Stale unless Vonage signed this call (Vonage, Signed webhooks).

    Its documentation calls the hash of the body optional to check behind TLS; without it anything
    could be said under a token that was seen once.
    """
    calls.require_secret(secret)
    claims = _claims(call, secret)
    if claims.get("application_id", application_id) != application_id:
        raise Forged("It speaks for another application.")
    said = claims["payload_hash"]
    calls.require_same(str(said).lower(), hashlib.sha256(call.body).hexdigest())
    calls.require_fresh(call, _moment(claims["iat"]))


def _claims(call: Call, secret: str) -> dict[str, Any]:
    scheme, _, token = call.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise Forged("It bears no token.")
    try:
        claims: dict[str, Any] = jwt.decode(
            token.strip(),
            secret,
            algorithms=["HS256"],
            # When it was signed is held against when it came, not against when it is read.
            options={"require": ["iat", "payload_hash"], "verify_iat": False, "verify_aud": False},
        )
    except jwt.InvalidTokenError as error:
        raise Forged(f"Its token does not hold: {type(error).__name__}.") from None
    return claims


def _moment(seconds: Any) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        raise Forged("Its token does not say when it was signed.") from None
