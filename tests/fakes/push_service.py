"""A push service as RFC 8030 wants it, on a real socket: it checks what it is given, reads it with
the browser's keys, and answers as told."""

import base64
import json
import os
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

HANG = object()  # take the message, never answer
GARBAGE = object()  # answer in no language
DROP = object()  # take the message, then close the connection


@dataclass(frozen=True)
class Reply:
    """What to answer to a message."""

    status: int = 201
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Taken:
    """A message as it came, and as its browser reads it."""

    path: str
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


class PushService:
    """Listens on a free port of 127.0.0.1 while it is entered."""

    def __init__(self, *, key: str) -> None:
        self.key = key  # the public key its browsers subscribed with
        self.taken: list[Taken] = []
        self.connections = 0
        self.stopped = threading.Event()
        self._browsers: dict[str, Browser] = {}
        self._script: deque[Any] = deque()
        self._by_path: dict[str, Any] = {}
        self._lock = threading.Lock()

    def browser(self, *, answer: Any = None) -> Browser:
        """A new browser, whose messages are always answered so."""
        path = f"/push/{_base64url(os.urandom(96))}"
        self._browsers[path] = Browser(self.origin + path)
        if answer is not None:
            self._by_path[path] = answer
        return self._browsers[path]

    def on_message(self, *replies: Any) -> None:
        """What to do at the next messages, in this order."""
        self._script.extend(replies)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def complaints(self) -> list[str]:
        """What was wrong with any message."""
        return [complaint for taken in self.taken for complaint in taken.complaints]

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> Any:
        """Look at a message, write it down, say what to answer."""
        with self._lock:
            claims, complaints = self._inspect(headers)
            browser = self._browsers.get(path)
            plain = browser.read(body) if browser else b""
            self.taken.append(Taken(path, headers, len(body), plain, claims, tuple(complaints)))
            if path in self._by_path:
                return self._by_path[path]
            if self._script:
                return self._script.popleft()
            if browser is None:
                return Reply(404)
            if complaints:
                return Reply(400, {"message": complaints[0]})
            return Reply(headers={"Location": f"{self.origin}/message/{len(self.taken)}"})

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

    def __enter__(self) -> Self:
        self._http = _Http(("127.0.0.1", 0), _Call)
        self._http.service = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


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


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    service: PushService

    def process_request(self, request: Any, client_address: Any) -> None:
        self.service.connections += 1
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients go away; that is what is tested."""


class _Call(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One small packet for headers and body: Nagle would hold the second back for 40 ms.
    wbufsize = -1
    server: _Http

    def do_POST(self) -> None:
        service = self.server.service
        body = self.rfile.read(int(self.headers["Content-Length"]))
        reply = service.take(self.path, self.headers, body)
        if reply is HANG:
            service.stopped.wait()
        if reply is GARBAGE:
            self.wfile.write(b"\x00\x01 what?\r\n\r\n")
            self.wfile.flush()
        if reply in (HANG, DROP, GARBAGE):
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        for name, value in {"Content-Length": str(len(content)), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Quiet."""
