"""People who can be reached on every channel, made through the API as a caller makes them."""

import base64
from collections.abc import Iterator
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.chaos.stand.load import Load


def settle_in(load: Load, number: int) -> list[str]:
    """Make so many people, each with an email, a phone and one device of each kind; returns their
    user ids."""
    names = [f"reachable-{count}" for count in range(1, number + 1)]
    for count, name in enumerate(names, 1):
        said = {"email": f"{name}@example.com", "phone": f"+49301{count:07d}"}
        answers = [load.ask("PUT", f"users/{name}", said)]
        answers += [load.ask("POST", f"users/{name}/devices", one) for one in _devices(name)]
        for answer in answers:
            assert answer.status_code == 201, answer.text
    return names


def _devices(name: str) -> Iterator[dict[str, Any]]:
    yield {"channel": "mobile_push", "kind": "fcm", "token": f"token-of-{name}"}
    yield {"channel": "webhook", "url": f"https://hooks.example.com/{name}"}
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    keys = {"p256dh": _text(point), "auth": _text(name.encode().ljust(16)[:16])}
    endpoint = f"https://push.example.com/{name}"
    yield {"channel": "web_push", "subscription": {"endpoint": endpoint, "keys": keys}}


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
