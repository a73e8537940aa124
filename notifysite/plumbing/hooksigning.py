"""What a webhook is signed with, and how: Standard Webhooks 1.0.0, Signature scheme."""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Sequence
from typing import Final

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32
LEAST_BYTES: Final = 24  # "Signature scheme": 24 to 64 bytes
MOST_BYTES: Final = 64


def new_secret() -> str:
    """A fresh secret as its holder is shown it: `whsec_` and 32 random bytes in base64."""
    return PREFIX + base64.b64encode(os.urandom(SECRET_BYTES)).decode()


def signed(secrets: Sequence[str], id: str, at: int, body: bytes) -> str:
    """The value of `webhook-signature`: one signature for each secret, the newest first.

    `at` is in seconds since 1970, as `webhook-timestamp` says it. Raises ValueError for a secret
    that is none.
    """
    text = f"{id}.{at}.".encode() + body
    return " ".join(f"v1,{_signature(secret, text)}" for secret in secrets)


def _signature(secret: str, text: bytes) -> str:
    return base64.b64encode(hmac.digest(_key(secret), text, hashlib.sha256)).decode()


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not LEAST_BYTES <= len(key) <= MOST_BYTES:
        raise ValueError(f"A secret is {LEAST_BYTES} to {MOST_BYTES} bytes in base64.")
    return key
