"""What may stand in a link or a style; everything else is refused, not repaired."""

import re
from typing import Final
from urllib.parse import urlsplit

from markupsafe import Markup

from notifications.rendering import limits
from notifications.rendering.errors import LimitExceeded, RenderError

_MAIL_SCHEMES: Final = frozenset({"http", "https", "mailto", "tel"})
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\xa0\\<>\"'`{}|^\u2028\u2029]")
_SCHEME = re.compile(r"[A-Za-z][\w+.-]*:")
_CSS_VALUE = re.compile(r"[\w#%.,\- ]{0,100}")


def web_url(value: str) -> str:
    """Return an absolute http(s) URL, "" for an empty one; raise RenderError for anything else."""
    url = value.strip()
    if not url:
        return ""
    if len(url) > limits.URL_CHARS:
        raise LimitExceeded(f"A link is longer than {limits.URL_CHARS:,} characters.")
    if _UNSAFE.search(url):
        raise RenderError("A link holds a blank or a character that must be encoded (url_encode).")
    if not is_web(url):
        raise RenderError("A link must be a full http:// or https:// address.")
    return url


def is_web(url: str) -> bool:
    """Whether `url` is absolute http(s) with a host and no credentials."""
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
        )
    except ValueError:
        return False


# What no further look would find fault with, as nearly all links are.
_USUAL = re.compile(
    r"https?://[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]{1,5})?(?:[/?#][A-Za-z0-9/?#=&%._~+-]*)?"
)


def link(value: object) -> str:
    """Return what may begin a link in an email: http(s), mailto or tel."""
    text = _plain(value).strip()
    if _USUAL.fullmatch(text):
        return text
    if text and (_UNSAFE.search(text) or not is_link(text)):
        raise RenderError("A link must begin with http://, https://, mailto: or tel:.")
    return text


def tail(value: object) -> str:
    """Return what may follow in a link whose beginning is another value: anything but a scheme."""
    text = _plain(value)
    if _UNSAFE.search(text) or _SCHEME.match(text):
        raise RenderError(
            "The end of a link holds a character or a scheme that cannot stand there."
        )
    return text


def _plain(value: object) -> str:
    if isinstance(value, Markup):
        return value.unescape()
    return "" if value is None else str(value)


def is_link(text: str) -> bool:
    """Whether the scheme of `text` is one that is harmless in an email."""
    scheme, colon, rest = text.partition(":")
    if not colon or scheme.lower() not in _MAIL_SCHEMES:
        return False
    return is_web(text) if scheme.lower() in ("http", "https") else bool(rest)


def css_value(value: object) -> str:
    """Return a value that cannot leave the CSS declaration it stands in, such as a colour."""
    text = _plain(value)
    if not _CSS_VALUE.fullmatch(text):
        raise RenderError("A style takes a colour, a size or a name, nothing else.")
    return text
