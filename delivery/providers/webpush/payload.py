"""What the service worker is given to show, in no more bytes than a push service must take."""

import json
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

from delivery.contracts import Message

LARGEST: Final = 3993  # bytes of plain text: 4096 once encrypted (RFC 8291 section 4)
LEAST_BODY: Final = 80  # characters below which a picture is given up rather than more of the text


def payload_of(message: Message) -> dict[str, Any]:
    """What the service worker shows; empty parts are left out."""
    content = message.content
    actions = [{"title": action.label, "url": action.url} for action in content.actions]
    parts = {
        "title": content.title or content.subject,
        "body": content.text,
        "url": content.url,
        "image": content.image,
        "icon": content.icon,
        "actions": actions,
        "tag": str(message.reference),
        "lang": message.locale,
        "silent": message.silent,
        "data": {"notification": str(message.notification), **message.data},
    }
    return {name: part for name, part in parts.items() if part}


def fit(parts: Mapping[str, Any], largest: int) -> bytes | None:
    """The payload as JSON of at most `largest` bytes; None when even its least is too much.

    The text is cut first, down to what still says something; then the picture, the buttons and the
    icon go, and then the rest of the text.
    """
    for left_out in ((), ("image",), ("image", "actions"), ("image", "actions", "icon")):
        kept = {name: part for name, part in parts.items() if name not in left_out}
        if packed := _cut(kept, largest, least=LEAST_BODY):
            return packed
    return _cut(kept, largest, least=1)


def _cut(parts: Mapping[str, Any], largest: int, *, least: int) -> bytes | None:
    whole = _packed(parts)
    if len(whole) <= largest:
        return whole
    body: str = parts.get("body", "")
    fits, too_long = 0, len(body)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if len(_packed({**parts, "body": body[:middle] + "…"})) <= largest:
            fits = middle
        else:
            too_long = middle
    if fits < least:
        return None
    return _packed({**parts, "body": body[: _between_letters(body, fits)].rstrip() + "…"})


def _between_letters(text: str, end: int) -> int:
    """The last place up to `end` that does not part an accent or an emoji from its base."""
    joiner = "\u200d"
    while 0 < end < len(text) and (
        joiner in text[end - 1 : end + 1]
        or unicodedata.category(text[end]) in ("Mn", "Mc", "Me")
        or "\U0001f3fb" <= text[end] <= "\U0001f3ff"  # skin tones
    ):
        end -= 1
    return end


def _packed(parts: Mapping[str, Any]) -> bytes:
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
