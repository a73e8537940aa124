"""What is shared in writing for a chat: links, escapes, and as much of a text as has room."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from delivery.contracts import Action, Message
from delivery.providers.texts import between_letters

LONGEST_URL: Final = 2048  # Discord's; Slack takes 3000
MOST_ACTIONS: Final = 5
ELLIPSIS: Final = "…"

_URL = re.compile(r"https?://[^\s<>|\\^`{}\"…]+")
_TRAILING = ".,;:!?)]}'*_~"  # ends a sentence rather than a URL
_BRACKETS = str.maketrans({letter: f"%{ord(letter):02X}" for letter in "()[]"})

Write = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What is to be said, as plain text; a URL that no chat would take is empty."""

    title: str
    text: str
    url: str
    image: str
    actions: tuple[Action, ...]
    silent: bool = False


def said(message: Message) -> Said:
    """What a message says in a chat."""
    content = message.content
    return Said(
        title=" ".join((content.title or content.subject).split()),
        text=content.text.strip(),
        url=_usable(content.url),
        image=_usable(content.image),
        actions=tuple(one for one in content.actions if _usable(one.url))[:MOST_ACTIONS],
        silent=message.silent,
    )


def linked(text: str, *, escape: Write, link: Write) -> str:
    """A text whose URLs are written by `link` and all else by `escape`."""
    written, end = [], 0
    for start, url in _urls(text):
        written += [escape(text[end:start]), link(url)]
        end = start + len(url)
    return "".join([*written, escape(text[end:])])


def in_brackets(url: str) -> str:
    """A URL as it may stand in the brackets of a link."""
    return url.translate(_BRACKETS)


def fit(text: str, fits: Callable[[str], bool], *, write: Write) -> str:
    """A text as `write` gives it, or as much of it as `fits`, which then ends in an ellipsis.

    It is cut before it is written, so never inside an escape, and never inside a URL.
    """
    if fits(whole := write(text)):
        return whole
    enough, too_long = 0, len(text)
    while too_long - enough > 1:
        middle = (enough + too_long) // 2
        if fits(write(_cut(text, middle))):
            enough = middle
        else:
            too_long = middle
    return write(_cut(text, enough)) if enough else ""


def within(longest: int) -> Callable[[str], bool]:
    """Whether a text has at most so many characters, by whichever count is the greatest."""
    return lambda text: len(text.encode("utf-16-le", "surrogatepass")) // 2 <= longest


def _usable(url: str) -> str:
    return url if len(url) <= LONGEST_URL and _URL.fullmatch(url) else ""


def _urls(text: str) -> list[tuple[int, str]]:
    return [(found.start(), _trimmed(found[0])) for found in _URL.finditer(text)]


def _trimmed(url: str) -> str:
    return url if url.endswith(")") and "(" in url else url.rstrip(_TRAILING)


def _cut(text: str, end: int) -> str:
    for start, url in _urls(text):
        if start < end < start + len(url):
            end = start
    kept = text[: between_letters(text, end)].rstrip()
    # A chat would take what follows a URL for a part of it.
    beside_url = any(kept.endswith(url) for _, url in _urls(kept)[-1:])
    return f"{kept} {ELLIPSIS}" if beside_url else kept + ELLIPSIS
