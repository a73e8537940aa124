"""A push service as RFC 8030 wants it, on a real socket: it checks what it is given, reads it with
the browser's keys, and answers as told."""

import base64
import json
import os
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.fakes.service import Reply, Service, Taken


@dataclass(frozen=True)
class Pushed:
    """A message as it came, and as its browser reads it."""

    headers: Mapping[str, str]
    size: int
    plain: bytes
    claims: dict[str, Any]
    complaints: tuple[str, ...]

    @property
    def payload(self) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(self.plain)
        return said


class Browser:
    """One browser's subscription, with the keys only it has."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._private = ec.generate_private_key(ec.SECP256R1())
        self._auth = os.urandom(16)
        self._public = _point(self._private.public_key())

    @property
    def subscription(self) -> dict[str, Any]:
        keys = {"p256dh": _base64url(self._public), "auth": _base64url(self._auth)}
        return {"endpoint": self.endpoint, "keys": keys}

    @property
    def address(self) -> str:
        return json.dumps(self.subscription)

    def read(self, body: bytes) -> bytes:
        """Decrypt one message by RFC 8291 and RFC 8188."""
        salt, size, length = body[:16], struct.unpack("!L", body[16:20])[0], body[20]
        sender, record = body[21 : 21 + length], body[21 + length :]
        assert len(record) <= size, "more than one record"
        shared = self._private.exchange(
            ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender)
        )
        info = b"WebPush: info\0" + self._public + sender
        secret = _derive(shared, salt=self._auth, info=info, length=32)
        key = _derive(secret, salt=salt, info=b"Content-Encoding: aes128gcm\0", length=16)
        nonce = _derive(secret, salt=salt, info=b"Content-Encoding: nonce\0", length=12)
        padded = AESGCM(key).decrypt(nonce, record, None).rstrip(b"\0")
        assert padded[-1:] == b"\x02", "not the last record"
        return padded[:-1]


class PushService(Service):
    """A push service whose browsers subscribed with `key`."""

    def __init__(self, *, key: str) -> None:
        super().__init__()
        self.key = key
        self.pushed: list[Pushed] = []
        self._browsers: dict[str, Browser] = {}
        self._by_path: dict[str, Any] = {}

    def browser(self, *, answer: Any = None) -> Browser:
        """A new browser, whose messages are always answered so."""
        path = f"/push/{_base64url(os.urandom(96))}"
        self._browsers[path] = Browser(self.origin + path)
        if answer is not None:
            self._by_path[path] = answer
        return self._browsers[path]

    @property
    def complaints(self) -> list[str]:
        """What was wrong with any message."""
        return [complaint for pushed in self.pushed for complaint in pushed.complaints]

    def take(self, call: Taken) -> Any:
        """Read a message with its browser's keys, whatever is answered."""
        claims, complaints = self._inspect(call.headers)
        browser = self._browsers.get(call.path)
        plain = browser.read(call.body) if browser else b""
        pushed = Pushed(call.headers, len(call.body), plain, claims, tuple(complaints))
        self.pushed.append(pushed)
        return self._by_path.get(call.path) or super().take(call)

    def answer(self, call: Taken) -> Reply:
        """What is wrong with a message, or where it can be asked after."""
        if call.path not in self._browsers:
            return Reply(404)
        _, complaints = self._inspect(call.headers)
        if complaints:
            return Reply(400, {"message": complaints[0]})
        return Reply(201, headers={"Location": f"{self.origin}/message/{len(self.pushed)}"})

    def _inspect(self, headers: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
        claims, complaints = _claims(headers.get("Authorization", ""), key=self.key)
        now = time.time()
        wanted = {
            "aud is not this origin": claims.get("aud") == self.origin,
            "exp is not within 24 hours": now < claims.get("exp", 0) <= now + 86400,
            "sub is no contact": str(claims.get("sub")).startswith(("mailto:", "https:")),
            "TTL is missing": headers.get("TTL", "").isdigit(),
            "Urgency is unknown": headers.get("Urgency", "normal")
            in ("very-low", "low", "normal", "high"),
            "Topic is no token of 32": _is_topic(headers.get("Topic", "x")),
            "not aes128gcm": headers.get("Content-Encoding") == "aes128gcm",
            "larger than 4096": int(headers.get("Content-Length", 0)) <= 4096,
        }
        return claims, complaints + [wrong for wrong, right in wanted.items() if not right]


def _claims(header: str, *, key: str) -> tuple[dict[str, Any], list[str]]:
    scheme, _, rest = header.partition(" ")
    parts = dict(part.strip().split("=", 1) for part in rest.split(",") if "=" in part)
    if scheme != "vapid" or parts.get("k") != key:
        return {}, ["not signed with the key of the subscription"]
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), _raw(parts["k"]))
    try:
        options = {"verify_aud": False, "verify_exp": False}
        claims = jwt.decode(parts["t"], public, algorithms=["ES256"], options=options)
    except jwt.InvalidTokenError as error:
        return {}, [f"signature: {error}"]
    return claims, []


def _is_topic(text: str) -> bool:
    return 0 < len(text) <= 32 and text.replace("-", "").replace("_", "").isalnum()


def _derive(secret: bytes, *, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(secret)


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
