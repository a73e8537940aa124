"""Google's token endpoint and FCM's HTTP v1 API on a real socket: they check the signature, the
token and the message as the real ones do, and answer as told."""

import itertools
import json
import os
import re
import time
from collections.abc import Mapping
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.fakes.service import Reply, Service, Taken

PROJECT = "acme-1"
EMAIL = "push@acme-1.iam.gserviceaccount.com"
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LONGEST_TTL = 2_419_200

_TARGETS = {"token", "topic", "condition"}
_FIELDS = {"token", "topic", "condition", "notification", "data", "android", "apns", "webpush"}
_ANDROID = {"collapse_key", "priority", "ttl", "notification"}
_SHOWN = {
    "title", "body", "image", "icon", "tag", "click_action", "channel_id", "default_sound",
    "notification_priority", "notification_count",
}  # fmt: skip
_RESERVED = re.compile(r"from|message_type|(gcm|google).*")


@cache
def service_key() -> rsa.RSAPrivateKey:
    """The key of the service account: slow to make, so there is one."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def private_key() -> str:
    """The same as the JSON key of the account holds it."""
    pem = service_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem.decode()


def error(status: int, canonical: str, code: str = "", *, field: str = "", **more: Any) -> Reply:
    """An error as FCM writes it."""
    details: list[dict[str, Any]] = []
    if code:
        kind = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
        details.append({"@type": kind, "errorCode": code})
    if field:
        violation = {"field": field, "description": "Invalid"}
        kind = "type.googleapis.com/google.rpc.BadRequest"
        details.append({"@type": kind, "fieldViolations": [violation]})
    said = {"code": status, "message": "No.", "status": canonical, "details": details}
    return Reply(status, {"error": said}, **more)


UNREGISTERED = error(404, "NOT_FOUND", "UNREGISTERED")
OTHER_SENDER = error(403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH")
BAD_TOKEN = error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", field="message.token")
TOO_BIG = error(400, "INVALID_ARGUMENT")
QUOTA = error(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED")
THIRD_PARTY = error(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR")
UNAUTHENTICATED = error(401, "UNAUTHENTICATED")


class FcmService(Service):
    """Knows one project and the phones that registered with it."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[dict[str, Any]] = []
        self.logins: list[Mapping[str, Any]] = []
        self.seconds = 3599  # how long a token is said to hold
        self.login_answers: list[Any] = []
        self._tokens: set[str] = set()
        self._phones: dict[str, Any] = {}
        self._numbers = itertools.count(1)

    @property
    def account(self) -> str:
        """The JSON key of the service account."""
        return json.dumps(
            {
                "type": "service_account",
                "project_id": PROJECT,
                "private_key_id": "k1",
                "private_key": private_key(),
                "client_email": EMAIL,
                "token_uri": f"{self.origin}/token",
            }
        )

    @property
    def options(self) -> dict[str, Any]:
        """OPTIONS of a provider that sends here."""
        return {"service_account": self.account, "url": self.origin}

    def phone(self, *, answer: Any = None) -> str:
        """The token of a new phone, whose messages are always answered so."""
        token = f"{os.urandom(11).hex()}:APA91b{os.urandom(60).hex()}"
        self._phones[token] = answer
        return token

    def group(self) -> str:
        """The notification key of a new device group."""
        key = f"APA91b{os.urandom(60).hex()}"
        self._phones[key] = None
        return key

    def revoke(self) -> None:
        """Accept none of the access tokens that are out."""
        self._tokens.clear()

    def take(self, call: Taken) -> Any:
        """A login is no message: what is told of the next call waits for one."""
        if call.path != "/token":
            return super().take(call)
        with self._lock:
            return self.login_answers.pop(0) if self.login_answers else self._login(call)

    def _login(self, call: Taken) -> Reply:
        uri = f"{self.origin}/token"
        try:
            claims = jwt.decode(
                call.form.get("assertion", ""),
                service_key().public_key(),
                algorithms=["RS256"],
                audience=uri,
                issuer=EMAIL,
            )
        except jwt.InvalidTokenError:
            return Reply(400, {"error": "invalid_grant", "error_description": "Bad signature."})
        self.logins.append(claims)
        now = time.time()
        sound = claims["scope"] == SCOPE and now - 5 < claims["iat"] + 5 <= claims["exp"] + 5
        if not sound or claims["exp"] - claims["iat"] > 3600 or call.form["grant_type"] != GRANT:
            return Reply(400, {"error": "invalid_grant", "error_description": "Bad claims."})
        token = f"ya29.{os.urandom(20).hex()}"
        self._tokens.add(token)
        return Reply(
            200, {"access_token": token, "expires_in": self.seconds, "token_type": "Bearer"}
        )

    def answer(self, call: Taken) -> Any:
        """What FCM says to a message."""
        if call.headers.get("Authorization", "").removeprefix("Bearer ") not in self._tokens:
            return UNAUTHENTICATED
        if call.path != f"/v1/projects/{PROJECT}/messages:send":
            return error(404, "NOT_FOUND")
        if len(call.body) > 4096:
            return TOO_BIG
        said = call.json["message"]
        if field := _fault(said):
            return error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", field=field)
        if "topic" not in said:
            if said["token"] not in self._phones:
                return UNREGISTERED
            if (answer := self._phones[said["token"]]) is not None:
                return answer
        self.sent.append(said)
        return Reply(200, {"name": f"projects/{PROJECT}/messages/{next(self._numbers)}"})


def _fault(said: dict[str, Any]) -> str:
    """The field that FCM would find at fault, or nothing."""
    android, data = said.get("android", {}), said.get("data", {})
    ttl = re.fullmatch(r"(\d+)(\.\d{1,9})?s", android.get("ttl", "0s"))
    link = said.get("webpush", {}).get("fcm_options", {}).get("link", "https://")
    aps = said.get("apns", {}).get("payload", {}).get("aps", {})
    checks = {
        "message": len(_TARGETS & said.keys()) == 1 and said.keys() <= _FIELDS,
        "message.topic": re.fullmatch(r"[a-zA-Z0-9-_.~%]+", said.get("topic", "any")) is not None,
        "message.data": all(
            isinstance(value, str) and not _RESERVED.fullmatch(name) for name, value in data.items()
        ),
        "message.notification": said.get("notification", {}).keys() <= {"title", "body", "image"},
        "message.android": android.keys() <= _ANDROID
        and android.get("priority", "high") in ("high", "normal"),
        "message.android.notification": android.get("notification", {}).keys() <= _SHOWN,
        "message.android.ttl": ttl is not None and int(ttl[1]) <= LONGEST_TTL,
        "message.apns": len(json.dumps(aps)) <= 4096,
        "message.webpush.fcm_options.link": link.startswith("https://"),
    }
    return next((field for field, right in checks.items() if not right), "")
