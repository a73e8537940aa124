"""Signature Version 4, as AWS checks it (AWS Identity and Access Management user guide, "Create a
signed AWS API request")."""

import hashlib
import hmac
from urllib.parse import urlsplit

from tests.fakes.service import Taken

REGION = "eu-west-1"
KEY_ID, SECRET_KEY = "AKIDEXAMPLE", "aws-secret-access-key"


def is_signed(call: Taken, *, service: str) -> bool:
    """Whether our key signed it, for this service in our region."""
    scheme, _, rest = call.headers.get("Authorization", "").partition(" ")
    parts = dict(part.strip().split("=", 1) for part in rest.split(",")) if rest else {}
    scope = parts.get("Credential", "").split("/", 1)
    if scheme != "AWS4-HMAC-SHA256" or scope[0] != KEY_ID:
        return False
    day, *where, end = scope[1].split("/")
    if (*where, end) != (REGION, service, "aws4_request"):
        return False
    key = f"AWS4{SECRET_KEY}".encode()
    for part in (day, *where, end):
        key = _mac(key, part)
    asked = hashlib.sha256(_canonical(call, parts["SignedHeaders"]).encode()).hexdigest()
    to_sign = "\n".join([scheme, call.headers["X-Amz-Date"], scope[1], asked])
    return hmac.compare_digest(_mac(key, to_sign).hex(), parts["Signature"])


def _canonical(call: Taken, signed: str) -> str:
    url = urlsplit(call.path)
    named = [f"{name}:{' '.join(call.headers[name].split())}\n" for name in signed.split(";")]
    payload = hashlib.sha256(call.body).hexdigest()
    return "\n".join([call.method, url.path, url.query, "".join(named), signed, payload])


def _mac(key: bytes, said: str) -> bytes:
    return hmac.new(key, said.encode(), hashlib.sha256).digest()
