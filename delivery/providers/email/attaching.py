"""A file as a part of a mail: its bytes arrive as they are, under its own name."""

from email.encoders import encode_base64
from email.mime.base import MIMEBase
from typing import Final

from delivery.contracts import Attachment

_LINE, _WRITTEN = (
    57,
    78,
)  # bytes in a line of Base64, and what it takes with its end (RFC 2045, 6.8)
_OVERHEAD: Final = 1024  # boundary and headers of a part
# A longer one would be folded at its blanks, and some readers would keep the folds.
_SHORT: Final = 60


def part(attachment: Attachment) -> MIMEBase:
    """The part that carries a file."""
    kind = attachment.content_type
    is_text = kind.startswith("text/")
    if is_text and not _is_utf8(attachment.content):
        # In which charset it is nobody knows, and whoever guesses may write it anew.
        kind, is_text = "application/octet-stream", False
    written = MIMEBase(*kind.split("/", 1))
    if is_text:
        written.set_param("charset", "utf-8")
    written.set_payload(attachment.content)
    encode_base64(written)
    name = attachment.name
    plain = name.isascii() and len(name) <= _SHORT
    # RFC 2231 where the name is unusual.
    filename = name if plain else ("utf-8", "", name)
    written.add_header("Content-Disposition", "attachment", filename=filename)
    return written


def size(attachment: Attachment) -> int:
    """How many bytes it takes in a mail, at the most."""
    lines = -(-len(attachment.content) // _LINE)
    return lines * _WRITTEN + _OVERHEAD


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
