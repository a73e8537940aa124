"""What FCM is given: one message for Android, Apple devices and browsers (FCM REST reference:
projects.messages)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from delivery.contracts import Message
from delivery.providers.push import badge, is_hasty, seconds_kept, some
from delivery.providers.texts import packed

TOPICS: Final = "/topics/"  # before a topic's name, as Firebase's SDKs write it
LARGEST: Final = 4096  # bytes, FCM REST reference: ErrorCode, "Message too big"

# Names that FCM keeps for itself: a message with one of them is refused.
_RESERVED: Final = ("from", "message_type", "gcm", "google")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How Android shows our messages: the names of a drawable, of a channel and of an intent
    filter in the app, where they are not what the app's manifest says."""

    icon: str = ""
    channel_id: str = ""
    click_action: str = ""


def body_of(message: Message, parts: Mapping[str, Any], *, look: Look, ttl: int) -> bytes:
    """The request, as JSON, for the message that is left of these parts."""
    left = seconds_kept(message, otherwise=ttl)
    if is_topic(message.address):
        message = replace(message, badge=None)  # it is one person's
    said = {
        **_target(message.address),
        "notification": some({name: parts.get(name) for name in ("title", "body", "image")}),
        "data": _data(message, parts),
        "android": _android(message, left, look),
        "apns": _apns(message, parts, left),
        "webpush": _webpush(parts),
    }
    return packed({"message": some(said)})


def _target(address: str) -> dict[str, str]:
    """The key of a device group stands where a token would (Firebase, Send messages to device
    groups); a topic is named without its prefix."""
    if is_topic(address):
        return {"topic": address.removeprefix(TOPICS)}
    return {"token": address}


def is_topic(address: str) -> bool:
    """Whether it is all who subscribed to something, not one person's phones."""
    return address.startswith(TOPICS)


def _data(message: Message, parts: Mapping[str, Any]) -> dict[str, str]:
    """What the app reads; FCM takes texts only."""
    own = {
        "reference": str(message.reference),
        "notification_id": str(message.notification),
        "type": message.type,
        "category": message.category,
        "locale": message.locale,
        "url": parts.get("url", ""),
        "actions": parts.get("actions", ""),
    }
    theirs = {name: value for name, value in message.data.items() if not name.startswith(_RESERVED)}
    return {name: _text(value) for name, value in (theirs | some(own)).items()}


def _android(message: Message, left: int, look: Look) -> dict[str, Any]:
    shown = {
        "tag": str(message.reference),  # a second copy replaces the first
        "icon": look.icon,
        "channel_id": look.channel_id,
        "click_action": look.click_action,
        "default_sound": not message.silent,
        "notification_priority": "PRIORITY_LOW" if message.silent else "",
        "notification_count": message.badge,  # 0 would be as if nothing were said
    }
    return {
        "collapse_key": str(message.reference),
        "priority": "high" if is_hasty(message) else "normal",
        "ttl": f"{left}s",
        "notification": some(shown),
    }


def _apns(message: Message, parts: Mapping[str, Any], left: int) -> dict[str, Any]:
    aps = {
        "mutable-content": int("image" in parts),
        "category": message.type,
        "thread-id": message.category,
        "sound": "" if message.silent else "default",
    }
    headers = {
        "apns-collapse-id": str(message.reference),
        "apns-expiration": str(int(datetime.now(UTC).timestamp()) + left),
        "apns-priority": "10" if is_hasty(message) else "5",
    }
    return {"headers": headers, "payload": {"aps": some(aps) | badge(message)}}


def _webpush(parts: Mapping[str, Any]) -> dict[str, Any]:
    link = parts.get("url", "")
    return {"fcm_options": {"link": link}} if link.startswith("https://") else {}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
