"""How Twilio signs its calls (Twilio, Webhooks security)."""

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import SplitResult, parse_qs, parse_qsl, urlsplit

from delivery.contracts import Call
from delivery.errors import Malformed
from delivery.providers import calls

MOST_FIELDS: Final = 500
_PORTS: Final = {"https": 443, "http": 80}


def read(call: Call, token: str) -> Mapping[str, Any]:
    """The parameters of a genuine call. Raises Unsecured, Forged or Malformed.

    A form is signed with its URL; of JSON the URL bears the hash.
    """
    calls.require_secret(token)
    given = call.headers.get("X-Twilio-Signature", "")
    hashed = parse_qs(urlsplit(call.url).query).get("bodySHA256")
    form = [] if hashed else _form(call.body)
    calls.require_same(given, *(signature(token, url, form) for url in _spelled(call.url)))
    if not hashed:
        return dict(form)
    calls.require_same(hashed[-1], hashlib.sha256(call.body).hexdigest())
    said: Mapping[str, Any] = calls.json_of(call)
    return said


def signature(token: str, url: str, form: list[tuple[str, str]]) -> str:
    """What a call with this form at this URL is signed with; the order of the form is no matter."""
    signed = url + "".join(f"{name}{value}" for name, value in sorted(set(form)))
    mac = hmac.new(token.encode(), signed.encode(errors="replace"), hashlib.sha1)
    return base64.b64encode(mac.digest()).decode()


def _form(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            body.decode(errors="replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS
        )
    except ValueError:
        raise Malformed("The form has too many fields.") from None


def _spelled(url: str) -> Iterator[str]:
    """The ways in which it may be spelled out: Twilio names the port, or leaves it out."""
    yield url
    parts = urlsplit(url)
    if parts.hostname and parts.port:
        yield _with(parts, parts.hostname)
    elif parts.hostname and parts.scheme in _PORTS:
        yield _with(parts, f"{parts.hostname}:{_PORTS[parts.scheme]}")


def _with(parts: SplitResult, netloc: str) -> str:
    return parts._replace(netloc=netloc).geturl()
