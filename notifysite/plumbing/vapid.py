"""VAPID keys (RFC 8292): by them a push service knows whose messages it is given."""

import base64
import binascii

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    derive_private_key,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
    load_pem_private_key,
)

RAW_BYTES = 32
ADVICE = "make one with: manage.py vapid_keys"


def generate() -> str:
    """A new private key, base64url of its 32 bytes."""
    number = generate_private_key(SECP256R1()).private_numbers().private_value
    return _base64url(number.to_bytes(RAW_BYTES, "big"))


def read(private: str) -> EllipticCurvePrivateKey:
    """A private key in base64url of its 32 bytes, in base64 of its DER, or in PEM.

    Raises ValueError, whose text says what is wrong and never shows the key.
    """
    try:
        key = _load(private.strip())
    except (ValueError, TypeError, binascii.Error):
        raise ValueError(f"The VAPID private key cannot be read; {ADVICE}.") from None
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise ValueError(f"The VAPID private key is not of the curve P-256; {ADVICE}.")
    return key


def public(private: str) -> str:
    """The public key of a private one, as browsers take it: base64url of 65 bytes.

    Raises ValueError.
    """
    point = read(private).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return _base64url(point)


def public_or_none(private: str) -> str:
    """The public key, or nothing where there is no private one that could be read."""
    try:
        return public(private)
    except ValueError:
        return ""


def _load(private: str) -> object:
    if private.startswith("-----BEGIN"):
        return load_pem_private_key(private.encode(), password=None)
    raw = base64.b64decode(
        private.rstrip("=").translate(_STANDARD) + "=" * (-len(private.rstrip("=")) % 4),
        validate=True,
    )
    if len(raw) == RAW_BYTES:
        return derive_private_key(int.from_bytes(raw, "big"), SECP256R1())
    return load_der_private_key(raw, password=None)


_STANDARD = str.maketrans("-_", "+/")


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
