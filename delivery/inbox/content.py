"""What an inbox item says: JSON under the person's data key."""

import json
import logging
from dataclasses import asdict
from typing import Any
from uuid import UUID

from delivery.contracts import Content
from notifysite.plumbing.compactjson import compact
from notifysite.plumbing.crypto import DataKey, Tampered

logger = logging.getLogger(__name__)

_EMPTY: dict[str, Any] = {
    "title": "",
    "body": "",
    "url": "",
    "image": "",
    "icon": "",
    "actions": [],
}


def seal(content: Content, key: DataKey, id: UUID) -> bytes:
    """Encrypt what an item shows; the bytes can be read back for this item only."""
    shown = {
        "title": content.title or content.subject,
        "body": content.text,
        "url": content.url,
        "image": content.image,
        "icon": content.icon,
        "actions": [asdict(action) for action in content.actions],
    }
    said = {name: value for name, value in shown.items() if value}
    plain = compact(said)
    return key.encrypt(plain.encode(), context=_context(id))


def unseal(blob: bytes, key: DataKey, id: UUID) -> dict[str, Any]:
    """Return title, body, url, image, icon and actions; all empty if the bytes cannot be read."""
    try:
        said: dict[str, Any] = json.loads(key.decrypt(blob, context=_context(id)))
    except Tampered:
        # One damaged row must not hide the rest of an inbox.
        logger.exception("inbox item %s cannot be read", id)
        return dict(_EMPTY)
    return _EMPTY | said


def _context(id: UUID) -> str:
    return f"inbox_item.content:{id}"
