"""The secrets of an embedded stack: made once, kept in `var/secrets.json`."""

import base64
import json
import secrets
from collections.abc import Callable
from pathlib import Path

from notifysite.stack.console import Halt
from notifysite.stack.record import write_private

P256_ORDER = 0xFFFFFFFF_00000000_FFFFFFFF_FFFFFFFF_BCE6FAAD_A7179E84_F3B9CAC2_FC632551


def _key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _vapid_key() -> str:
    """A private key of the curve P-256 is any number from 1 up to its order (RFC 8292)."""
    number = 1 + secrets.randbelow(P256_ORDER - 1)
    return base64.urlsafe_b64encode(number.to_bytes(32, "big")).decode().rstrip("=")


GENERATORS: dict[str, Callable[[], str]] = {
    "SECRET_KEY": lambda: secrets.token_urlsafe(50),
    "FIELD_ENCRYPTION_KEYS": lambda: f"k1:{_key()}",
    "FIELD_HASH_KEY": _key,
    "VAPID_PRIVATE_KEY": _vapid_key,
    "NOTIFYSITE_ADMIN_PASSWORD": lambda: secrets.token_urlsafe(12),
}


def ensure(path: Path) -> dict[str, str]:
    """Every secret by name: kept ones as they are, missing ones made now."""
    kept = _read(path)
    missing = {name: make() for name, make in GENERATORS.items() if name not in kept}
    if missing:
        write_private(path, json.dumps({**kept, **missing}, indent=1))
    return {**kept, **missing}


def _read(path: Path) -> dict[str, str]:
    try:
        kept: dict[str, str] = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        # New keys would make every encrypted address unreadable: a person has to decide that.
        raise Halt(
            f"{path} cannot be read: {error}", advice="Restore it, or move the whole folder away."
        ) from error
    return kept
