"""What endpoints sign with, under a data key of each endpoint's own."""

from typing import NamedTuple

from notifysite.plumbing import crypto, hooksigning

CONTEXT = "callback_endpoint.secret"


class Made(NamedTuple):
    """A fresh secret, as it is shown once and as it is kept, and the key it is under."""

    secret: str
    kept: bytes
    data_key: bytes

    def __repr__(self) -> str:
        return "Made(hidden)"


def make(data_key: bytes | None = None) -> Made:
    """A fresh secret, under a fresh key unless there is one."""
    if data_key is None:
        key, data_key = crypto.new_data_key()
    else:
        key = crypto.unwrap(data_key)
    secret = hooksigning.new_secret()
    return Made(secret, key.encrypt(secret.encode(), context=CONTEXT), data_key)


def read(data_key: bytes, *kept: bytes | None) -> tuple[str, ...]:
    """Those secrets that there are. Raises CryptoError."""
    key = crypto.unwrap(data_key)
    return tuple(key.decrypt(one, context=CONTEXT).decode() for one in kept if one is not None)
