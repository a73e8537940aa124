"""A JSON reader that takes only what every later step can take, and says what is wrong."""

import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import IO, Any

from django.http import UnreadablePostError
from django.utils.http import parse_header_parameters
from rest_framework.parsers import BaseParser

from notifysite.plumbing.problems import Problem

MAX_DEPTH = 20
MAX_BYTES = 2 * 1024 * 1024

_BOM = b"\xef\xbb\xbf"
_STRINGS = re.compile(rb'"[^"]*"?')
_AS_SQUARE = bytes.maketrans(b"{}", b"[]")
_NO_MARKS = bytes(byte for byte in range(256) if byte not in b'[]{}"')
# May also match the text of an escaped backslash; a hit is only a reason to look closely.
_SUSPECT_ESCAPE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_SURROGATE_OR_NUL = re.compile("[\x00\ud800-\udfff]")


def loads(raw: bytes) -> Any:
    """Parse one JSON document, or raise a Problem with status 400 that names the reason."""
    if raw.startswith(_BOM):
        raise Problem.of("malformed_json", "The body starts with a byte order mark; leave it out.")
    if _nested_too_deeply(raw):
        raise Problem.of("too_deep")
    try:
        text = raw.decode()
        value = _DECODER.decode(text)
    except UnicodeDecodeError as error:
        raise Problem.of(
            "malformed_json", f"The body is not UTF-8 at byte {error.start}; encode it as UTF-8."
        ) from None
    except json.JSONDecodeError as error:
        raise Problem.of("malformed_json", _where(error)) from None
    except ValueError:
        # Only the length limit of Python's int() is left.
        raise _not_finite("An integer of thousands of digits") from None
    if _SUSPECT_ESCAPE.search(text) is not None and _has_bad_character(value):
        raise Problem.of("bad_character")
    return value


def _nested_too_deeply(raw: bytes) -> bool:
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return False
    if b"\\" in raw:
        raw = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    # Of a text nothing is left now but its quotes, and brackets in it. Two quotes side by side may
    # go: what follows is as much inside or outside of a text as before.
    brackets = raw.translate(_AS_SQUARE, _NO_MARKS).replace(b'""', b"")
    if b'"' in brackets:
        brackets = _STRINGS.sub(b"", brackets)
    for _ in range(MAX_DEPTH):
        # Each pass takes away the innermost level of everything that is balanced.
        outer = brackets.replace(b"[]", b"")
        if len(outer) == len(brackets):
            break
        brackets = outer
    # A pair left over was nested once more; without one the rest is closers, then openers.
    return b"[]" in brackets or brackets.count(b"[") > MAX_DEPTH


def _has_bad_character(value: Any) -> bool:
    match value:
        case str():
            return _SURROGATE_OR_NUL.search(value) is not None
        case dict():
            return any(_has_bad_character(key) for key in value) or any(
                _has_bad_character(item) for item in value.values()
            )
        case list():
            return any(_has_bad_character(item) for item in value)
    return False


def _where(error: json.JSONDecodeError) -> str:
    reason = error.msg.removesuffix(": ").removesuffix(" at")
    return f"{reason} at line {error.lineno}, column {error.colno}; correct the body."


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    name = Counter(key for key, _ in pairs).most_common(1)[0][0]
    raise Problem.of("duplicate_key", f"The key {name[:64]!a} occurs twice in one object.")


def _finite(text: str) -> float:
    number = float(text)
    if math.isfinite(number):
        return number
    raise _not_finite("A number too large for a double")


def _no_constant(name: str) -> float:
    raise _not_finite(name)


def _not_finite(what: str) -> Problem:
    return Problem.of(
        "not_finite", f"{what} is not allowed; send a finite number, a string or null."
    )


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=_finite, parse_constant=_no_constant
)


class StrictJSONParser(BaseParser):
    """Reads a JSON body of at most `max_bytes`; subclass it for other +json media types."""

    media_type = "application/json"
    max_bytes = MAX_BYTES

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the parsed body, or raise a Problem: 400, 413 or 415."""
        _refuse_other_charset(media_type or "")
        _refuse_compressed(parser_context or {})
        if _announced_length(parser_context or {}) > self.max_bytes:
            raise _too_large(self.max_bytes)
        try:
            raw = stream.read(self.max_bytes + 1)
        except UnreadablePostError:
            raise Problem.of("malformed_json", "The body ended early; send it again.") from None
        if len(raw) > self.max_bytes:
            raise _too_large(self.max_bytes)
        return loads(raw)


def _refuse_other_charset(media_type: str) -> None:
    if ";" not in media_type:
        return
    charset = parse_header_parameters(media_type)[1].get("charset", "utf-8")
    if charset.lower() not in {"utf-8", "utf8"}:
        raise Problem.of("unsupported_media_type", "JSON is sent in UTF-8; leave the charset out.")


def _refuse_compressed(parser_context: Mapping[str, Any]) -> None:
    coding = _said(parser_context, "HTTP_CONTENT_ENCODING")
    if coding.strip().lower() not in {"", "identity"}:
        detail = "Send the body as it is, not compressed, without Content-Encoding."
        raise Problem.of("unsupported_media_type", detail)


def _announced_length(parser_context: Mapping[str, Any]) -> int:
    length = _said(parser_context, "CONTENT_LENGTH")
    return int(length) if length.isdecimal() and len(length) < 20 else 0


def _said(parser_context: Mapping[str, Any], name: str) -> str:
    request = parser_context.get("request")
    return str(request.META.get(name, "")) if request is not None else ""


def _too_large(limit: int) -> Problem:
    return Problem.of(
        "body_too_large", f"The body is over {limit:,} bytes; split it into smaller requests."
    )
