"""What the service worker is given to show."""

from typing import Any, Final

from delivery.contracts import Message
from delivery.providers.push import some

LARGEST: Final = 3993  # bytes of plain text: 4096 once encrypted (RFC 8291 section 4)


def payload_of(message: Message, *, badge: str = "") -> dict[str, Any]:
    """What the service worker shows, with the URL of a small picture for the status bar; empty
    parts are left out."""
    content = message.content
    actions = [{"title": action.label, "url": action.url} for action in content.actions]
    parts = {
        "title": content.title or content.subject,
        "body": content.text,
        "url": content.url,
        "image": content.image,
        "icon": content.icon,
        "badge": badge,
        "actions": actions,
        "tag": str(message.reference),
        "lang": message.locale,
        "silent": message.silent,
        "data": {"notification": str(message.notification), **message.data},
    }
    return some(parts)
