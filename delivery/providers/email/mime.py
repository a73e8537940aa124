"""The usual letter as bytes: text, or text and HTML, under headers that need little.

The library builds any letter and takes a millisecond for it. This one is a text with holes; what is
unusual is left to the library, and tests compare the two through its parser.
"""

import binascii
import time
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


def letter(headers: list[tuple[str, str]], *, text: str, html: str, mark: str) -> bytes:
    """The letter with CRLF line ends. `mark` is unique to it, of letters and digits. Raises
    UnicodeEncodeError."""
    head = "".join([f"{name}: {value}\r\n" for name, value in headers]).encode("ascii")
    plain = b'Content-Type: text/plain; charset="utf-8"' + _TEXT + quoted(text)
    if not html:
        end = b"" if plain.endswith(b"\r\n") else b"\r\n"
        return head + b"MIME-Version: 1.0\r\n" + plain + end
    # No quoted text holds "=_": a part can never be mistaken for the end of one.
    boundary = f"=_{mark}".encode("ascii")
    between = b"\r\n--" + boundary
    return b"".join(
        [
            head,
            b'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="',
            boundary,
            b'"\r\n',
            between,
            b"\r\n",
            plain,
            between,
            b'\r\nContent-Type: text/html; charset="utf-8"',
            _TEXT,
            quoted(html),
            between,
            b"--\r\n",
        ]
    )
