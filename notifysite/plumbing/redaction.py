"""Takes out of text what must not be written down: addresses, numbers, tokens, credentials."""

import math
import re
from collections.abc import Mapping
from datetime import date
from enum import Enum
from typing import Any
from uuid import UUID

MASK = "[redacted]"
MAX_TEXT = 16_000

# A value under one of these names is masked whatever it looks like.
PRIVATE_NAMES = frozenset(
    {"address", "attributes", "body", "content", "data", "email", "headers", "phone"}
    | {"api_key", "authorization", "cookie", "password", "secret", "token"}
)

_CREDENTIALS = re.compile(
    r"""(?ix)
    ( authorization ["']? \s* [:=] \s* ["']? (?: (?:bearer|basic|token|key|vapid) \s+ )?
      | \b bearer \s+ (?= [\w.~+/=-]{8} )
      | \b basic \s+ (?= [\w+/=-]{8} )
      | (?: token | secret | password | passwd | signature | \b sig | \b key
          | (?: api | access | private | signing ) _? key )
        ["']? [=:] \s* ["']?
    ) (?!\[redacted\]) [^\s"'&,;)}\]]+
    """
)
_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)", re.DOTALL)
_KEY_OF_OURS = re.compile(r"\bntf_\w+")
_EDGE = r"""\s@"'<>()\[\]{},;:=/?&|"""
# An apostrophe is part of some names and the edge of a quoted address.
_LOCAL_PART = rf"(?:(?<![^{_EDGE}])[^{_EDGE}]+(?:'[^{_EDGE}]{{1,64}}){{0,3}}|(?<=\S))"
_EMAIL = re.compile(rf"{_LOCAL_PART}(?:(?:@|%40)[^{_EDGE}]+)+")
_PHONE = re.compile(r"(?:\+|%2[bB])[1-9](?:[ ().\-/]{0,2}\d){6,14}")
# Base64 mixes cases and digits, which the long names in a traceback hardly ever do; hexadecimal
# counts from 40 characters, for ids of 32 are what logs are read for.
_TOKEN = re.compile(
    r"(?<![\w-])(?:(?=[\w-]*\d)(?=[\w-]*[a-z])(?=[\w-]*[A-Z])[\w-]{20,}|[0-9a-fA-F]{40,}(?![\w-]))"
)
_LONG = re.compile(r"[\w-]{20}")

# Pattern, mask, and words without one of which the pattern cannot match: most text is ordinary,
# and looking for a word costs a hundredth of running a pattern.
_RULES = (
    (_PEM, MASK, ("-----begin",)),
    (
        _CREDENTIALS,
        rf"\g<1>{MASK}",
        ("key", "sig", "token", "secret", "passw", "bearer", "basic", "authorization"),
    ),
    (_KEY_OF_OURS, MASK, ("ntf_",)),
    (_EMAIL, MASK, ("@", "%40")),
    (_PHONE, MASK, ("+", "%2b")),
)


def redact(text: str) -> str:
    """Mask what looks like an address, a phone number or a secret, and cut text that is long."""
    text = _shorten(text)
    lowered = text.lower()
    for pattern, mask, words in _RULES:
        if any(word in lowered for word in words):
            text = pattern.sub(mask, text)
    if _LONG.search(text) is not None:
        text = _TOKEN.sub(MASK, text)
    return text


def _shorten(text: str) -> str:
    if len(text) <= MAX_TEXT:
        return text
    half = MAX_TEXT // 2
    return f"{text[:half]} [...] {text[-half:]}"


def redact_value(value: Any) -> Any:
    """Return a JSON value that says as much of `value` as may be written down."""
    match value:
        case str():
            return redact(value)
        case Mapping():
            return {redact(str(name)): _named(str(name), item) for name, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [redact_value(item) for item in value]
        case BaseException():
            return f"{type(value).__name__}: {redact(str(value))}"
    return _scalar(value)


def _scalar(value: Any) -> Any:
    match value:
        case Enum():
            return value.name.lower()
        case None | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case UUID():
            return str(value)
        case date():
            return value.isoformat()
    # The text of an object may decrypt what it stands for.
    return f"<{type(value).__name__}>"


def _named(name: str, value: Any) -> Any:
    return MASK if name.lower() in PRIVATE_NAMES else redact_value(value)


def redact_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a log entry with every value redacted, by its name or its look."""
    return {name: _named(name, value) for name, value in fields.items()}
