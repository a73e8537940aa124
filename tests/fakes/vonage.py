"""Vonage's Messages API v1: it checks the token and the body, and signs what it calls back with."""

import hashlib
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.fakes.service import Reply, Service, Taken

APPLICATION = "aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab"
SECRET = "vonage-signature-secret-0123456789abcdef"
NUMBER = "15005550006"

_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PRIVATE_KEY = _key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
PUBLIC_KEY = _key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@dataclass(frozen=True)
class Posted:
    """What Vonage posts to a URL of ours."""

    body: bytes
    headers: Mapping[str, str]
    query: str = ""
    content_type: str = "application/json"


@dataclass(frozen=True)
class Kept:
    """A message that was taken."""

    uuid: str
    letter: Mapping[str, Any]


class VonageApi(Service):
    """Takes what the real one takes. `opted_out`: numbers that sent it a STOP."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[Kept] = []
        self.opted_out: set[str] = set()
        self._numbers = itertools.count(1)

    def answer(self, call: Taken) -> Reply:
        if call.path != "/v1/messages":
            return problem(404, "#not-found", "Not found")
        if not _is_ours(call.headers.get("Authorization", "")):
            return problem(401, "#unauthorized", "Unauthorized")
        letter = call.json
        if fault := self._fault(letter):
            return fault
        kept = Kept(f"00000000-0000-4000-8000-{next(self._numbers):012x}", letter)
        self.kept.append(kept)
        return Reply(202, {"message_uuid": kept.uuid})

    def _fault(self, letter: Mapping[str, Any]) -> Reply | None:
        wanted = {"channel": "sms", "message_type": "text"}
        if {name: letter.get(name) for name in wanted} != wanted or not letter.get("from"):
            return problem(422, "/messages#1010", "Missing params")
        if not 1 <= len(letter.get("text", "")) <= 3200:
            return problem(422, "/messages#1020", "Invalid params")
        if not str(letter.get("to", "")).isdecimal():
            return problem(422, "/messages#1170", "Invalid or Missing Msisdn Param")
        if not 20 <= letter.get("ttl", 20) <= 604800:
            return problem(422, "/messages#1130", "Invalid TTL")
        if len(letter.get("client_ref", "")) > 100:
            return problem(422, "/messages#1020", "Invalid params")
        if letter["to"] in self.opted_out:
            return problem(422, "/messages#1240", "Illegal Number")
        return None

    def receipt(self, uuid: str, status: str, *, code: str = "", secret: str = SECRET) -> Posted:
        """What it tells of a message."""
        kept = next(one for one in self.kept if one.uuid == uuid)
        reference = kept.letter.get("client_ref", "")
        return receipt(uuid, status, reference=reference, code=code, secret=secret)


def receipt(
    uuid: str, status: str, *, reference: str = "", code: str = "", secret: str = SECRET
) -> Posted:
    """A signed status callback."""
    said: dict[str, Any] = {
        "message_uuid": uuid,
        "to": "491701234567",
        "from": NUMBER,
        "timestamp": "2026-01-01T12:00:00.000Z",
        "status": status,
        "channel": "sms",
        "client_ref": reference,
    }
    if code:
        kind = f"https://developer.vonage.com/api-errors/messages#{code}"
        said["error"] = {"type": kind, "title": int(code), "detail": "to 491701234567"}
    return signed(json.dumps(said).encode(), secret=secret)


def inbound(
    text: str, *, uuid: str, phone: str = "491701234567", at: datetime | None = None
) -> bytes:
    """What it says of a text that came in."""
    said = {
        "channel": "sms",
        "message_uuid": uuid,
        "to": NUMBER,
        "from": phone,
        "timestamp": (at or datetime.now(UTC)).isoformat(),
        "message_type": "text",
        "text": text,
        "sms": {"num_messages": "1"},
    }
    return json.dumps(said).encode()


def signed(
    body: bytes, *, secret: str = SECRET, at: datetime | None = None, **claims: Any
) -> Posted:
    """A call with this body, signed."""
    told = {
        "iat": int((at or datetime.now(UTC)).timestamp()),
        "jti": "c5ba8f24-1a14-4c10-bfdf-3fbe8ce511b5",
        "iss": "Vonage",
        "payload_hash": hashlib.sha256(body).hexdigest(),
        "api_key": "a1b2c3d",
        "application_id": APPLICATION,
    }
    token = jwt.encode({**told, **claims}, secret, algorithm="HS256")
    return Posted(body, {"Authorization": f"Bearer {token}"})


def problem(status: int, kind: str, title: str) -> Reply:
    """An error in Vonage's words."""
    base = "https://developer.vonage.com/api-errors"
    body = {"type": f"{base}{kind}", "title": title, "detail": "to 491701234567", "instance": "i1"}
    return Reply(status, body, {"Content-Type": "application/problem+json"})


def _is_ours(header: str) -> bool:
    try:
        claims = jwt.decode(
            header.removeprefix("Bearer "),
            PUBLIC_KEY,
            algorithms=["RS256"],
            options={"require": ["iat", "exp", "jti"]},
        )
    except jwt.InvalidTokenError:
        return False
    return bool(claims.get("application_id") == APPLICATION)
