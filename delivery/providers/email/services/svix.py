"""Calls that are signed as Svix signs them. Source: Svix, "Verifying Webhooks Manually"."""

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime

from delivery.contracts import Call
from delivery.errors import Forged, Unsecured
from delivery.providers import calls

_PREFIX = "whsec_"


def key(secret: str) -> bytes:
    """The key in a secret, empty where there is none. Raises ValueError."""
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError(f"the signing secret must be {_PREFIX} and base64") from None


def verified(call: Call, with_key: bytes) -> str:
    """The id of what a genuine call says, which stays the same when it comes again.

    Raises Unsecured, Forged or Stale.
    """
    if not with_key:
        raise Unsecured("No secret is configured to know the provider by.")
    id_, stamp = call.headers.get("svix-id", ""), call.headers.get("svix-timestamp", "")
    given = [each.partition(",") for each in call.headers.get("svix-signature", "").split()]
    wanted = signature(with_key, id_, stamp, call.body)
    # Two while a secret is replaced.
    if not any(hmac.compare_digest(value, wanted) for _, _, value in given if value.isascii()):
        raise Forged("The signature is another one.")
    try:
        signed_at = datetime.fromtimestamp(float(stamp), UTC)
    except (ValueError, OverflowError, OSError):
        raise Forged("It bears no time.") from None
    calls.require_fresh(call, signed_at)
    return id_


def signature(with_key: bytes, id_: str, stamp: str, body: bytes) -> str:
    """What is signed, and how."""
    signed = f"{id_}.{stamp}.".encode(errors="replace") + body
    return base64.b64encode(hmac.new(with_key, signed, hashlib.sha256).digest()).decode()
