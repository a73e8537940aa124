"""What APNs is given (Apple, Generating a remote notification, and Sending notification requests
to APNs)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from delivery.contracts import Message
from delivery.providers.push import badge, is_hasty, phone_parts, seconds_kept, some
from delivery.providers.texts import packed

LARGEST: Final = 4096  # bytes; more is for calls only


def payload_of(message: Message, parts: Mapping[str, Any]) -> bytes:
    """The JSON for the message that is left of these parts."""
    said = {
        "aps": _aps(message, parts),
        "url": parts.get("url", ""),
        "image": parts.get("image", ""),
        "actions": parts.get("actions", []),
        "reference": str(message.reference),
        "notification_id": str(message.notification),
        "type": message.type,
        "locale": message.locale,
    }
    return packed(message.data | some(said))


def _aps(message: Message, parts: Mapping[str, Any]) -> dict[str, Any]:
    if not is_shown(parts):
        return {"content-available": 1}
    aps = {
        "alert": {name: parts[name] for name in ("title", "body") if name in parts},
        "sound": "" if message.silent else "default",
        "interruption-level": "passive" if message.silent else "",
        "category": message.type,
        "thread-id": message.category,
        "mutable-content": int("image" in parts),  # the app's extension fetches the picture
    }
    return some(aps) | badge(message)


def headers_of(message: Message, *, topic: str, ttl: int) -> list[tuple[str, str]]:
    """The headers, without the login."""
    shown = is_shown(phone_parts(message))
    left = seconds_kept(message, otherwise=ttl)
    return [
        ("content-type", "application/json"),
        ("apns-id", str(message.reference)),
        ("apns-topic", topic),
        ("apns-push-type", "alert" if shown else "background"),
        ("apns-priority", "10" if shown and is_hasty(message) else "5"),
        # 0: it is tried once.
        ("apns-expiration", str(int(datetime.now(UTC).timestamp()) + left if left else 0)),
        ("apns-collapse-id", str(message.reference)),  # a second copy replaces the first
    ]


def is_shown(parts: Mapping[str, Any]) -> bool:
    """Whether a person sees it; else it only wakes the app."""
    return "title" in parts or "body" in parts
