"""APNs on a real socket: HTTP/2 over TLS that checks login, headers, device and size as Apple's
does, and answers as told."""

import json
import os
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.fakes.certificates import certificate
from tests.fakes.http2_service import Http2Service
from tests.fakes.service import Reply, Taken

TOPIC, KEY_ID, TEAM_ID = "test.acme.shop", "ABC123DEFG", "DEF123GHIJ"
HOUR = 3600


@cache
def signing_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def key_file() -> str:
    """The text of the .p8 file."""
    return signing_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def refusal(status: int, reason: str, **more: Any) -> Reply:
    """An error as APNs says it."""
    return Reply(status, {"reason": reason, **more})


@dataclass(frozen=True)
class Sent:
    """A message that was taken."""

    device: str
    headers: Mapping[str, str]
    payload: dict[str, Any]


class ApnsService(Http2Service):
    """Knows one app and the devices that run it. Until a login is accepted it takes one stream."""

    def __init__(self) -> None:
        super().__init__(streams=1)
        self.sent: list[Sent] = []
        self.logins: list[str] = []
        self._stale: frozenset[str] = frozenset()
        self._devices: dict[str, Any] = {}

    @property
    def options(self) -> dict[str, Any]:
        """OPTIONS of a provider that sends here."""
        return {
            "key": key_file(),
            "key_id": KEY_ID,
            "team_id": TEAM_ID,
            "topic": TOPIC,
            "url": self.origin,
            "ca_file": str(certificate()),
        }

    def device(self, *, answer: Any = None) -> str:
        """The token of a new device, whose messages are always answered so."""
        token = os.urandom(32).hex()
        self._devices[token] = answer
        return token

    def answer(self, call: Taken) -> Any:
        """What Apple says to a message."""
        if wrong := self._login_fault(call.headers.get("authorization", "")):
            return refusal(403, wrong)
        self.streams = 100
        if wrong := _fault(call.headers):
            return refusal(400, wrong)
        if len(call.body) > 4096:
            return refusal(413, "PayloadTooLarge")
        device = call.path.removeprefix("/3/device/")
        if not re.fullmatch(r"[0-9a-f]{64,200}", device):
            return refusal(400, "BadDeviceToken")
        if device not in self._devices:
            return refusal(410, "Unregistered", timestamp=int(time.time() * 1000))
        if (answer := self._devices[device]) is not None:
            return answer
        self.sent.append(Sent(device, call.headers, json.loads(call.body)))
        return Reply(200, headers={"apns-id": call.headers["apns-id"].upper()})

    def _login_fault(self, header: str) -> str:
        token = header.removeprefix("bearer ")
        if token not in self.logins:
            self.logins.append(token)
        try:
            said = jwt.decode(token, signing_key().public_key(), algorithms=["ES256"])
            kid = jwt.get_unverified_header(token)["kid"]
        except (jwt.InvalidTokenError, KeyError):
            return "InvalidProviderToken" if header else "MissingProviderToken"
        if (kid, said.get("iss")) != (KEY_ID, TEAM_ID):
            return "InvalidProviderToken"
        if token in self._stale or said["iat"] < time.time() - HOUR:
            return "ExpiredProviderToken"
        return ""

    def expire_logins(self) -> None:
        """Find all logins that have come so far too old."""
        self._stale = frozenset(self.logins)


def _fault(headers: Mapping[str, str]) -> str:
    """What Apple would say is wrong with the headers, or nothing."""
    checks = {
        "BadMessageId": _is_uuid(headers.get("apns-id", "")),
        "MissingTopic": "apns-topic" in headers,
        "TopicDisallowed": headers.get("apns-topic") == TOPIC,
        "InvalidPushType": headers.get("apns-push-type") in ("alert", "background"),
        "BadPriority": headers.get("apns-priority") in ("5", "10")
        and (headers.get("apns-push-type"), headers.get("apns-priority")) != ("background", "10"),
        "BadExpirationDate": headers.get("apns-expiration", "").isdigit(),
        "BadCollapseId": len(headers.get("apns-collapse-id", "").encode()) <= 64,
    }
    return next((reason for reason, right in checks.items() if not right), "")


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
