"""The usual letter as bytes: text, or text and HTML, under headers that need little; and its files.

The library builds any letter and takes a millisecond for it. This one is a text with holes; what is
unusual is left to the library, and tests compare the two through its parser.
"""

import binascii
import time
from collections.abc import Sequence
from email.header import Header
from email.utils import formatdate
from functools import lru_cache

_SHORT = 66  # with its name before it a value of this length fits a line of 78 (RFC 5322, 2.1.1)
_LONGEST = 900  # and this one a line of 998
_TEXT = b"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"


def now() -> str:
    """This moment, as a Date header says it."""
    return _date(int(time.time()))


@lru_cache(maxsize=4)
def _date(second: int) -> str:
    return formatdate(second)


def subject_line(value: str) -> str | None:
    """A subject, encoded and folded where it must be (RFC 2047); None for one that cannot be."""
    if value.isascii():
        if len(value) <= _SHORT:
            return value
        return Header(value, header_name="Subject").encode(linesep="\r\n")
    try:
        return Header(value, "utf-8", header_name="Subject").encode(linesep="\r\n")
    except UnicodeError:
        return None


def is_plain(value: str) -> bool:
    """Whether a header's value can stand in a line as it is."""
    return value.isascii() and value.isprintable() and len(value) <= _LONGEST


def quoted(text: str) -> bytes:
    """A part's content: seven bits and short lines whatever the text (RFC 2045, 6.7). Raises
    UnicodeEncodeError."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return binascii.b2a_qp(text.encode()).replace(b"\n", b"\r\n")


def letter(
    headers: list[tuple[str, str]],
    *,
    text: str,
    html: str,
    mark: str,
    parts: Sequence[bytes] = (),
) -> bytes:
    """The letter with CRLF line ends. `mark` is unique to it, of letters and digits; `parts` go
    along, in Base64. Raises UnicodeEncodeError."""
    head = "".join([f"{name}: {value}\r\n" for name, value in headers]).encode("ascii")
    said = _said(text, html, mark)
    if parts:  # neither boundary begins with the other: some readers look no further
        said = _multipart(b"mixed", f"=_files_{mark}", [said, *parts])
    return b"".join([head, b"MIME-Version: 1.0\r\n", said])


def _said(text: str, html: str, mark: str) -> bytes:
    """The words, from their Content-Type on."""
    plain = b'Content-Type: text/plain; charset="utf-8"' + _TEXT + quoted(text)
    if not html:
        return plain if plain.endswith(b"\r\n") else plain + b"\r\n"
    rich = b'Content-Type: text/html; charset="utf-8"' + _TEXT + quoted(html)
    return _multipart(b"alternative", f"=_{mark}", [plain, rich])


def _multipart(kind: bytes, boundary: str, parts: Sequence[bytes]) -> bytes:
    # No quoted text and no Base64 holds "=_": a part can never be mistaken for the end of one.
    mark = boundary.encode("ascii")
    between = b"\r\n--" + mark
    said = [b"Content-Type: multipart/", kind, b'; boundary="', mark, b'"\r\n']
    for part in parts:
        said += [between, b"\r\n", part]
    return b"".join([*said, between, b"--\r\n"])
