"""What travels in an address and is read by us alone: nobody else can change it, or invent one.

AES-256-SIV (RFC 5297) under a key of its own for each purpose, derived from the hash key, which
never rotates: an address in a mail has to work for years. It needs no nonce, so the same content is
the same text each time, and no number of them wears the key out.
"""

import base64
import binascii
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from django.conf import settings

from notifysite.plumbing.crypto import Tampered, keyed_hash

TAG_BYTES = 16


def seal(purpose: str, plain: bytes) -> str:
    """The text for `plain`, which must not be empty: 22 characters and four for each three bytes,
    of base64url (RFC 4648)."""
    return encode(_cipher(purpose, settings.FIELD_HASH_KEY).encrypt(plain, None))


def unseal(purpose: str, text: str) -> bytes:
    """What was sealed for this purpose. Raises Tampered."""
    raw = decode(text)
    try:
        return _cipher(purpose, settings.FIELD_HASH_KEY).decrypt(raw, None)
    except (InvalidTag, ValueError):
        raise Tampered("It was not sealed here, or for something else.") from None


def encode(raw: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """The bytes of what `encode` wrote. Each has one spelling: spare bits, padding and other
    alphabets are not ours. Raises Tampered."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise Tampered("It is not base64url.") from None
    if encode(raw) != text:
        raise Tampered("It is not spelled as we spell it.")
    return raw


# The key is part of what is looked up, so that one that was replaced opens nothing any more.
@lru_cache(maxsize=16)
def _cipher(purpose: str, _: str) -> AESSIV:
    return AESSIV(keyed_hash("opaque.mac", purpose) + keyed_hash("opaque.key", purpose))
