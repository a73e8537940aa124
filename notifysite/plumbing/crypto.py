"""Envelope encryption: master keys from the settings wrap data keys, data keys encrypt fields."""

import base64
import binascii
import hashlib
import hmac
import os
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Never

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from notifysite.plumbing.randomness import random_bytes

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
VERSION = b"\x01"

_WRAP_CONTEXT = "data-key:"
_KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_ADVICE = (
    "generate one with: python -c "
    '"from notifysite.plumbing.crypto import generate_master_key; print(generate_master_key())"'
)


class CryptoError(Exception):
    """Something cannot be encrypted or decrypted; the settings or the data are wrong."""


class KeyMissing(CryptoError):
    """The key is not in the settings, or what stands there is no key."""


class Tampered(CryptoError):
    """The bytes are not what was encrypted under this key in this context."""


class DataKey:
    """Encrypts the fields of one owner with AES-256-GCM; never shows or pickles its bytes.

    A field is 1 byte version, 12 bytes random nonce, then ciphertext and 16 bytes tag. The
    context (for example "address.value:<id>") is authenticated: a field decrypts only in its
    own place.
    """

    __slots__ = ("_cipher",)

    def __init__(self, raw: bytes) -> None:
        self._cipher = AESGCM(raw)

    def encrypt(self, plain: bytes, *, context: str) -> bytes:
        """Return the field for `plain`, 29 bytes longer."""
        return _seal(self._cipher, plain, context)

    def decrypt(self, blob: bytes, *, context: str) -> bytes:
        """Return what was encrypted; Tampered when the bytes, the key or the context differ."""
        return _open(self._cipher, bytes(blob), context.encode())

    def __repr__(self) -> str:
        return "DataKey(hidden)"

    def __reduce__(self) -> Never:
        raise TypeError("A data key is not to be pickled or copied; pass its wrapped form on.")


def _seal(cipher: AESGCM, plain: bytes, context: str) -> bytes:
    nonce = random_bytes(NONCE_BYTES)
    return VERSION + nonce + cipher.encrypt(nonce, plain, context.encode())


def _open(cipher: AESGCM, blob: bytes, context: bytes) -> bytes:
    if blob[:1] != VERSION or len(blob) < 1 + NONCE_BYTES + TAG_BYTES:
        raise Tampered("The encrypted value has an unknown form.")
    nonce, body = blob[1 : 1 + NONCE_BYTES], blob[1 + NONCE_BYTES :]
    try:
        return cipher.decrypt(nonce, body, context)
    except InvalidTag:
        raise Tampered("The encrypted value does not belong to this key and place.") from None


def generate_master_key() -> str:
    """Return 32 random bytes in base64url, as both kinds of key in the settings take them."""
    return base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode().rstrip("=")


def new_data_key() -> tuple[DataKey, bytes]:
    """Return a fresh data key and its wrapped form, which is what to store."""
    raw = os.urandom(KEY_BYTES)
    return DataKey(raw), _wrap(raw)


def unwrap(wrapped: bytes) -> DataKey:
    """Return the data key; KeyMissing when its master key is gone, Tampered when it is altered."""
    return _data_key(bytes(wrapped), _configured_keys())


def unwrap_all(wrapped: Iterable[bytes]) -> list[DataKey]:
    """Data keys of many, in their order; they are not kept, for many would drive out all others."""
    configured = _configured_keys()
    return [DataKey(_unwrap(bytes(each), configured)) for each in wrapped]


def rewrap(wrapped: bytes) -> bytes | None:
    """Wrap the data key under the newest master key; None when it already is."""
    newest = next(iter(_master_keys(_configured_keys())))
    if master_key_id(wrapped) == newest:
        return None
    return _wrap(_unwrap(bytes(wrapped), _configured_keys()))


def master_key_id(wrapped: bytes) -> str:
    """Return the id of the master key that wraps this data key."""
    return _split(bytes(wrapped))[0]


def keyed_hash(purpose: str, value: str) -> bytes:
    """Return 32 bytes by which equal values are found; other purposes give other bytes."""
    normal = unicodedata.normalize("NFC", value).encode()
    begun = _begun_hash(_configured_hash_key(), purpose).copy()
    begun.update(normal)
    return begun.digest()


def address_hash(channel: str, identity: str) -> bytes:
    """Return the hash by which an address in normal form is found, on the channel with this key."""
    return keyed_hash(f"address:{channel}", identity)


def check_keys() -> None:
    """Raise KeyMissing, with advice, unless the settings hold usable keys."""
    _master_keys(_configured_keys())
    _hash_key(_configured_hash_key())


def _wrap(raw: bytes) -> bytes:
    # A wrapped key is 1 byte length of the master key's id, the id, then a field as above.
    key_id, cipher = next(iter(_master_keys(_configured_keys()).items()))
    return bytes([len(key_id)]) + key_id.encode() + _seal(cipher, raw, _WRAP_CONTEXT + key_id)


def _split(wrapped: bytes) -> tuple[str, bytes]:
    end = 1 + (wrapped[0] if wrapped else 0)
    key_id = wrapped[1:end].decode("ascii", "replace")
    if len(wrapped) <= end or _KEY_ID.fullmatch(key_id) is None:
        raise Tampered("The wrapped data key has an unknown form.")
    return key_id, wrapped[end:]


# The master keys are part of what is looked up, so that one removed from the settings stops
# working at once.
@lru_cache(maxsize=512)
def _data_key(wrapped: bytes, configured: tuple[str, ...]) -> DataKey:
    return DataKey(_unwrap(wrapped, configured))


def _unwrap(wrapped: bytes, configured: tuple[str, ...]) -> bytes:
    end = 1 + (wrapped[0] if wrapped else 0)
    found = _masters_by_start(configured).get(wrapped[:end])
    if found is None:
        key_id, _ = _split(wrapped)
        raise KeyMissing(
            f"FIELD_ENCRYPTION_KEYS has no key with the id '{key_id}'; add it again and run the "
            "rotation before you remove it."
        )
    return _open(found[0], wrapped[end:], found[1])


@lru_cache(maxsize=4)
def _masters_by_start(configured: tuple[str, ...]) -> dict[bytes, tuple[AESGCM, bytes]]:
    """What opens a wrapped key, and in which context, by the bytes that it starts with."""
    return {
        bytes([len(key_id)]) + key_id.encode(): (cipher, (_WRAP_CONTEXT + key_id).encode())
        for key_id, cipher in _master_keys(configured).items()
    }


def _configured_keys() -> tuple[str, ...]:
    return tuple(getattr(settings, "FIELD_ENCRYPTION_KEYS", ()))


def _configured_hash_key() -> str:
    return getattr(settings, "FIELD_HASH_KEY", "")


@lru_cache(maxsize=4)
def _master_keys(configured: tuple[str, ...]) -> dict[str, AESGCM]:
    """Return the ciphers by key id, newest first."""
    if not configured:
        raise KeyMissing(f"FIELD_ENCRYPTION_KEYS is empty; set it to id:key, {_ADVICE}")
    keys: dict[str, AESGCM] = {}
    for position, entry in enumerate(configured, start=1):
        key_id, separator, encoded = entry.strip().partition(":")
        where = f"Entry {position} of FIELD_ENCRYPTION_KEYS"
        if not separator or _KEY_ID.fullmatch(key_id) is None:
            raise KeyMissing(f"{where} is not of the form id:key, with an id like 2026a; {_ADVICE}")
        if key_id in keys:
            raise KeyMissing(f"{where} repeats the id '{key_id}'; give every key its own id.")
        keys[key_id] = AESGCM(_key_bytes(encoded, where))
    return keys


@lru_cache(maxsize=32)
def _begun_hash(encoded: str, purpose: str) -> hmac.HMAC:
    """HMAC-SHA-256 with all in it but the value: to copy it costs less than to begin anew."""
    # The length keeps purpose and value apart: ("a", "bc") and ("ab", "c") must differ.
    name = purpose.encode()
    return hmac.new(_hash_key(encoded), len(name).to_bytes(2, "big") + name, hashlib.sha256)


@lru_cache(maxsize=4)
def _hash_key(encoded: str) -> bytes:
    if not encoded:
        raise KeyMissing(f"FIELD_HASH_KEY is empty; {_ADVICE}")
    return _key_bytes(encoded, "FIELD_HASH_KEY")


def _key_bytes(encoded: str, where: str) -> bytes:
    try:
        raw = base64.b64decode(_padded(encoded.strip()), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raw = b""
    if len(raw) != KEY_BYTES:
        raise KeyMissing(f"{where} is not 32 bytes in base64url; {_ADVICE}")
    return raw


def _padded(encoded: str) -> str:
    bare = encoded.rstrip("=")
    return bare + "=" * (-len(bare) % 4)
