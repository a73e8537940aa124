"""Web push: encrypted for one browser (RFC 8291), signed by us (RFC 8292), posted (RFC 8030)."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from uuid import UUID

import http_ece  # type: ignore[import-untyped]
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePublicKey,
    generate_private_key,
)

from delivery.contracts import Feature, Message, Outcome
from delivery.lifecycle import OutcomeKind
from delivery.providers.http import HttpProvider, astray, refused
from delivery.providers.push import DAY, fit, require_ttl, seconds_kept
from delivery.providers.webpush.classes import PUSH
from delivery.providers.webpush.payload import LARGEST, payload_of
from delivery.providers.webpush.signing import Signatures
from notifysite.plumbing.destinations import UnsafeURL, origin_of
from notifysite.plumbing.http import OutboundClient, OutboundResponse

_URGENCY: Mapping[int, str] = {1: "high", 2: "high", 3: "normal", 4: "low"}
# A subscription made for another key of ours, in the words of FCM, autopush and Apple.
_OTHER_KEY = re.compile(
    rb"not correspond to the|public key mismatch|VapidPkHashMismatch", re.IGNORECASE
)
_REASON = re.compile(r"[A-Za-z]{1,60}")
_DEFAULT_PORTS = {"https": 443, "http": 80}


class WebPush(HttpProvider):
    """Sends to browsers.

    `private_key` is a VAPID key (`manage.py vapid_keys`), `contact` an email address or an https
    URL where a push service reaches the operator. `ttl`: seconds a message waits for a browser
    that is away, where it does not expire by itself. `badge`: the URL of the small one-coloured
    picture that Android shows in its status bar. `timeout`: seconds for all of one message.
    `classes`: what answers mean, in place of what webpush/classes.py says.
    """

    features = frozenset({Feature.REPLACES, Feature.EXPIRY, Feature.IMAGES, Feature.ACTIONS})

    def __init__(
        self,
        *,
        alias: str,
        private_key: str,
        contact: str,
        ttl: int = DAY,
        badge: str = "",
        timeout: float = 10.0,
        threads: int = 16,
        classes: Mapping[str, str] = MappingProxyType({}),
        client: OutboundClient | None = None,
    ) -> None:
        super().__init__(
            alias=alias,
            table=PUSH,
            classes=classes,
            timeout=timeout,
            threads=threads,
            client=client,
        )
        self._ttl = require_ttl(ttl)
        self._badge = badge
        self._signatures = Signatures(private_key, contact)

    def exchange(self, message: Message, ends: float) -> Outcome:
        """Hand one message over, a second time and shorter where the service finds it too large."""
        device = _Device.of(message.address)
        if device is None:
            return refused(message, OutcomeKind.REFUSED_ADDRESS, "malformed_subscription")
        parts = payload_of(message, badge=self._badge)
        payload = fit(parts, LARGEST)
        try:
            answer = self._push(message, device, payload, ends)
            if answer and answer.status == 413 and payload:
                payload = fit(parts, len(payload) // 2)
                answer = self._push(message, device, payload, ends)
        except UnsafeURL:
            return astray(message, device.endpoint, schemes=("https",))
        if answer is None:
            return refused(message, OutcomeKind.REFUSED_MESSAGE, "too_large")
        return self._answered(message, answer)

    def _push(
        self, message: Message, device: "_Device", payload: bytes | None, ends: float
    ) -> OutboundResponse | None:
        """What the service answers; None where there is nothing short enough to say."""
        if payload is None:
            return None
        answer = self.post(
            device.endpoint,
            content=device.encrypt(payload),
            headers=self._headers(message, device.audience),
            ends=ends,
        )
        if answer.status in (401, 403):
            self._signatures.forget(device.audience)
        return answer

    def _answered(self, message: Message, answer: OutboundResponse) -> Outcome:
        other_key = 400 <= answer.status < 404 and _OTHER_KEY.search(answer.body) is not None
        code, detail = _in_words(answer, other_key=other_key)
        words = ("other_key",) if other_key else ()
        ref = answer.headers.get("Location", "") if answer.status < 300 else ""
        return self.judged(message, answer, *words, code=code, detail=detail, ref=ref)

    def _headers(self, message: Message, audience: str) -> dict[str, str]:
        return {
            "Authorization": self._signatures.of(audience),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(seconds_kept(message, otherwise=self._ttl)),
            "Topic": topic(message.reference),
            "Urgency": _URGENCY.get(message.priority, "normal"),
        }


@dataclass(frozen=True, slots=True)
class _Device:
    """A browser's subscription."""

    endpoint: str = field(repr=False)
    key: EllipticCurvePublicKey = field(repr=False)
    secret: bytes = field(repr=False)
    audience: str

    @classmethod
    def of(cls, address: str) -> "_Device | None":
        """Read a subscription as JSON; None for what no browser made."""
        try:
            given = json.loads(address)
            endpoint, keys = given["endpoint"], given["keys"]
            point = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), _bytes(keys["p256dh"]))
            device = cls(endpoint, point, _bytes(keys["auth"]), _audience(endpoint))
        except (ValueError, TypeError, KeyError, AttributeError, UnsafeURL):
            return None
        return device if len(device.secret) == 16 else None

    def encrypt(self, payload: bytes) -> bytes:
        """The body that this browser alone can read."""
        encrypted: bytes = http_ece.encrypt(
            payload,
            private_key=generate_private_key(SECP256R1()),
            dh=self.key,
            auth_secret=self.secret,
            version="aes128gcm",
        )
        return encrypted


def topic(reference: UUID) -> str:
    """32 characters by which a push service replaces an older copy of the same message."""
    return _base64url(hashlib.sha256(reference.bytes).digest())[:32]


def _in_words(answer: OutboundResponse, *, other_key: bool) -> tuple[str, str]:
    """A code and, for operators, what it says."""
    if other_key:
        return "other_key", "It subscribed with another VAPID key; it must subscribe again."
    if answer.status == 413:
        return "too_large", "The push service wants it shorter still."
    return str(answer.status), _reason(answer.body)


def _reason(body: bytes) -> str:
    """The one word a push service says why; its sentences may hold what nobody should read."""
    try:
        said = json.loads(body)
    except ValueError:
        return ""
    if not isinstance(said, dict):
        return ""
    reason, number = said.get("reason"), said.get("errno")
    if isinstance(reason, str) and _REASON.fullmatch(reason):
        return reason
    return f"errno {number}" if isinstance(number, int) else ""


def _audience(endpoint: str) -> str:
    origin = origin_of(endpoint)
    if ":" in origin.host:
        raise ValueError("A push service has a name.")
    port = "" if origin.port == _DEFAULT_PORTS[origin.scheme] else f":{origin.port}"
    return f"{origin.scheme}://{origin.host}{port}"


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
