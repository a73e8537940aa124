"""The token by which Apple knows us (Apple, Establishing a token-based connection to APNs)."""

import threading
import time
from collections.abc import Callable
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

# Apple takes a token for an hour, and no new one within twenty minutes.
RENEWED: Final = 2400.0
SOONEST: Final = 1200.0


class Login:
    """Signs one token for all messages, anew before Apple finds it too old.

    `key` is a .p8 file's text. Raises ValueError for what is no such key.
    """

    def __init__(
        self, *, key: str, key_id: str, team_id: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._key = _ec_key(key)
        self._key_id = key_id
        self._team_id = team_id
        self._clock = clock
        self._token, self._made_at, self._replaced_at = "", 0.0, float("-inf")
        self._lock = threading.Lock()

    def token(self) -> str:
        """The token for the next messages."""
        with self._lock:
            # A clock that was set back leaves a token from the future.
            if not (self._token and 0 <= self._clock() - self._made_at < RENEWED):
                self._sign()
            return self._token

    def replace(self, token: str) -> bool:
        """Whether there is another token than this one, which Apple found too old. It is signed
        anew once: if the next one is too old again, our clock is wrong."""
        with self._lock:
            if token != self._token:
                return True
            if abs(self._clock() - self._replaced_at) < SOONEST:
                return False
            self._sign()
            self._replaced_at = self._made_at
            return True

    def _sign(self) -> None:
        self._made_at = self._clock()
        claims = {"iss": self._team_id, "iat": int(self._made_at)}
        headers = {"kid": self._key_id}
        self._token = jwt.encode(claims, self._key, algorithm="ES256", headers=headers)


def _ec_key(pem: str) -> EllipticCurvePrivateKey:
    try:
        # An environment that holds no line breaks has them written out.
        key = load_pem_private_key(pem.replace("\\n", "\n").encode(), password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise ValueError("key must be the text of a .p8 file, as Apple hands it out")
    return key
