"""Amazon SNS as it posts to us: of topics we know, signed under a certificate of its own host.

Sources: Amazon SNS developer guide, "Fanout to HTTP/S endpoints", "Verifying the signatures of
Amazon SNS messages", "Parsing Amazon SNS message formats", "Message delivery retries".
"""

import base64
import binascii
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from delivery.contracts import Call
from delivery.errors import Forged, Malformed, Unverified
from delivery.providers import calls
from notifysite.plumbing.http import (
    NoAnswer,
    OutboundClient,
    OutboundResponse,
    Unreachable,
    UnsafeURL,
)

SITE: Final = "https://sns.{region}.{domain}"
# A topic tries for an hour at most, and each try bears the time of the first.
WITHIN: Final = timedelta(minutes=65)
SECONDS: Final = 5.0  # for each of the two things we may ask of SNS
MOST_KEPT: Final = 16
SHORTEST_KEY: Final = 2048

_DOMAINS: Final = {
    "aws": "amazonaws.com",
    "aws-us-gov": "amazonaws.com",
    "aws-cn": "amazonaws.com.cn",
}
_CERTIFICATE: Final = re.compile(r"/SimpleNotificationService-[0-9A-Za-z]+\.pem")
_HASHES: Final[Mapping[str, hashes.HashAlgorithm]] = {
    "1": hashes.SHA1(),  # noqa: S303 - what a topic signs with unless it is told otherwise
    "2": hashes.SHA256(),
}
_NEWS: Final = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_INVITATION: Final = (
    "Message",
    "MessageId",
    "SubscribeURL",
    "Timestamp",
    "Token",
    "TopicArn",
    "Type",
)
_SIGNED: Final[Mapping[str, tuple[str, ...]]] = {
    "Notification": _NEWS,
    "SubscriptionConfirmation": _INVITATION,
    "UnsubscribeConfirmation": _INVITATION,
}


@dataclass(frozen=True, slots=True)
class _Kept:
    """The key of a certificate, and until when it holds."""

    key: RSAPublicKey
    until: datetime


class Topics:
    """The topics that may tell us something. Raises ValueError for what is no ARN of one.

    `site` is where SNS is, by region and domain; only there certificates and invitations lead.
    """

    def __init__(self, arns: Sequence[str], *, site: str = SITE) -> None:
        self._sites = {arn: _site(arn, site) for arn in arns}
        self._client = OutboundClient()
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        return bool(self._sites)

    def hear(self, call: Call) -> dict[str, Any] | None:
        """A genuine notification, None for a genuine message of another type.

        An invitation is accepted. Raises Unsecured, Forged, Stale, Malformed or Unverified.
        """
        calls.require_secret(*(self._sites or ("",)))
        said = calls.json_of(call)
        self._verify(said, call.at)
        calls.require_fresh(call, _moment(said), within=WITHIN)
        if said["Type"] == "SubscriptionConfirmation":
            self._accept(said)
        return said if said["Type"] == "Notification" else None

    def close(self) -> None:
        """Close the kept connections."""
        self._client.close()

    def _verify(self, said: Mapping[str, Any], now: datetime) -> None:
        site, algorithm = self._sites.get(_text(said, "TopicArn")), _hash(said)
        if site is None:
            raise Forged("The topic is none of ours.")
        url = _text(said, "SigningCertURL")
        if not (url.startswith(f"{site}/") and _CERTIFICATE.fullmatch(url[len(site) :])):
            raise Forged("The certificate is not from where SNS keeps them.")
        try:
            self._key(url, now).verify(_signature(said), _to_sign(said), PKCS1v15(), algorithm)
        except InvalidSignature:
            raise Forged("The signature is another one.") from None

    def _key(self, url: str, now: datetime) -> RSAPublicKey:
        kept = self._kept.get(url)
        if kept is None or kept.until < now:
            kept = self._fetched(url, now)
        return kept.key

    def _fetched(self, url: str, now: datetime) -> _Kept:
        # One at a time, and nobody waits for another: a flood of certificates that SNS does not
        # have must not take all our threads.
        if not self._lock.acquire(blocking=False):
            raise Unverified("Another certificate is being fetched.")
        try:
            kept = _certified(self._get(url), now)
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._kept[url] = kept
            return kept
        finally:
            self._lock.release()

    def _accept(self, said: Mapping[str, Any]) -> None:
        url, site = _text(said, "SubscribeURL"), self._sites[said["TopicArn"]]
        if _origin(url) != _origin(site):
            raise Forged("The invitation leads elsewhere.")
        self._get(url)

    def _get(self, url: str) -> bytes:
        try:
            answer: OutboundResponse = self._client.get(url, deadline=SECONDS)
        except (UnsafeURL, Unreachable, NoAnswer):
            raise Unverified("SNS cannot be asked.") from None
        if 400 <= answer.status < 500:
            raise Forged("SNS does not know of it.")
        if answer.status != 200:
            raise Unverified("SNS does not answer as it should.")
        return answer.body


def _site(arn: str, site: str) -> str:
    parts = arn.split(":")
    if len(parts) != 6 or parts[2] != "sns" or parts[1] not in _DOMAINS or not all(parts):
        raise ValueError(f"{arn!r} is not the ARN of an SNS topic")
    return site.format(region=parts[3], domain=_DOMAINS[parts[1]])


def _hash(said: Mapping[str, Any]) -> hashes.HashAlgorithm:
    algorithm = _HASHES.get(_text(said, "SignatureVersion"))
    if algorithm is None or _text(said, "Type") not in _SIGNED:
        raise Forged("It is signed in no way that SNS has.")
    return algorithm


def _to_sign(said: Mapping[str, Any]) -> bytes:
    fields = [name for name in _SIGNED[said["Type"]] if said.get(name) is not None]
    return "".join(f"{name}\n{_text(said, name)}\n" for name in fields).encode(errors="replace")


def _signature(said: Mapping[str, Any]) -> bytes:
    try:
        return base64.b64decode(_text(said, "Signature"), validate=True)
    except (binascii.Error, ValueError):
        raise Forged("The signature is none.") from None


def _certified(pem: bytes, now: datetime) -> _Kept:
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        key = certificate.public_key()
    except ValueError:
        raise Unverified("SNS gives no certificate.") from None
    from_, until = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not from_ <= now <= until:
        raise Forged("The certificate does not hold today.")
    if not isinstance(key, RSAPublicKey) or key.key_size < SHORTEST_KEY:
        raise Forged("The certificate has another kind of key.")
    return _Kept(key, until)


def _moment(said: Mapping[str, Any]) -> datetime:
    try:
        moment = datetime.fromisoformat(_text(said, "Timestamp"))
    except ValueError:
        raise Malformed("It bears no time.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _text(said: Mapping[str, Any], name: str) -> str:
    found = said.get(name)
    return found if isinstance(found, str) else ""
