"""What providers of push notifications share: how little they may say, and for how long."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from delivery.contracts import Message
from delivery.providers.base import seconds_left
from delivery.providers.texts import between_letters, packed

DAY: Final = 86400
LONGEST_TTL: Final = 28 * DAY  # what the least patient of the large push services keeps
_LAST_HASTY: Final = 3
LEAST_BODY: Final = 80  # characters below which a picture is given up rather than more of the text

Pack = Callable[[Mapping[str, Any]], bytes]


def require_ttl(ttl: int) -> int:
    """The seconds for which a message waits, as a number. Raises ValueError."""
    if not 0 < int(ttl) <= LONGEST_TTL:
        raise ValueError(f"ttl must be 1 to {LONGEST_TTL} seconds")
    return int(ttl)


def seconds_kept(message: Message, *, otherwise: int) -> int:
    """How long a push service may keep a message for a device that is away."""
    return seconds_left(message.expires_at, otherwise=otherwise, least=0, most=LONGEST_TTL)


def phone_parts(message: Message) -> dict[str, Any]:
    """What a phone shows and the app opens, as `fit` may cut it; empty parts are left out."""
    content = message.content
    parts = {
        "title": content.title or content.subject,
        "body": content.text,
        "url": content.url,
        "image": content.image,
        "actions": [{"title": action.label, "url": action.url} for action in content.actions],
    }
    return some(parts)


def badge(message: Message) -> dict[str, int]:
    """What `aps` says of the app's icon; 0 takes the number off it, so it is said, too."""
    return {} if message.badge is None else {"badge": message.badge}


def is_hasty(message: Message) -> bool:
    """Whether it is worth waking a phone: a low priority and what makes no sound can wait."""
    return message.priority <= _LAST_HASTY and not message.silent


def some(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is empty."""
    return {name: part for name, part in parts.items() if part}


def fit(parts: Mapping[str, Any], largest: int, *, pack: Pack = packed) -> bytes | None:
    """The payload as `pack` writes it, in at most `largest` bytes; None where its least is more.

    The text (`body`) is cut first, down to what still says something; then the picture,
    the buttons and the icon go, and then the rest of the text.
    """
    for left_out in ((), ("image",), ("image", "actions"), ("image", "actions", "icon")):
        kept = {name: part for name, part in parts.items() if name not in left_out}
        if short := _cut(kept, largest, pack, least=LEAST_BODY):
            return short
    return _cut(kept, largest, pack, least=1)


def _cut(parts: Mapping[str, Any], largest: int, pack: Pack, *, least: int) -> bytes | None:
    whole = pack(parts)
    if len(whole) <= largest:
        return whole
    body: str = parts.get("body", "")
    fits, too_long = 0, len(body)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if len(pack({**parts, "body": body[:middle] + "…"})) <= largest:
            fits = middle
        else:
            too_long = middle
    if fits < least:
        return None
    return pack({**parts, "body": body[: between_letters(body, fits)].rstrip() + "…"})
