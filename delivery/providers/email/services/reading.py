"""What mail services write in their news, read without trusting its shape."""

import json
import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from delivery.providers.email.replies import without_people

_BY_POLICY = re.compile(r"\b5\.7\.\d")  # RFC 3463 section 3.8


def by_policy(said: str) -> bool:
    """Whether a server refused the letter, by its enhanced status, and not the mailbox."""
    return bool(_BY_POLICY.search(said))


def inside(said: Any, *path: str) -> Any:
    """What stands at the end of a path of names, None where there is no such place."""
    for name in path:
        if not isinstance(said, dict):
            return None
        said = said.get(name)
    return said


def text(said: Any, *path: str) -> str:
    """The text or number there, as a text; empty where there is neither."""
    found = inside(said, *path)
    return str(found) if isinstance(found, str | int | float) else ""


def reference(metadata: Any) -> UUID | None:
    """Our delivery's id, from the metadata that we gave the service, as an object or as JSON."""
    if isinstance(metadata, str):
        try:
            metadata = json.loads(metadata)
        except (ValueError, RecursionError):
            return None
    try:
        return UUID(text(metadata, "reference"))
    except ValueError:
        return None


def in_headers(headers: Any, name: str) -> str:
    """The value of a header in a list of `{name, value}`."""
    for header in headers if isinstance(headers, list) else ():
        if text(header, "name").lower() == name:
            return text(header, "value")
    return ""


def moment(value: Any, *, otherwise: datetime) -> datetime:
    """A time as RFC 3339 or in seconds since 1970; `otherwise` where it is neither."""
    try:
        if isinstance(value, str) and not value.replace(".", "").isdigit():
            read = datetime.fromisoformat(value)
            return read if read.tzinfo else read.replace(tzinfo=UTC)
        return datetime.fromtimestamp(float(value), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return otherwise


def detail(said: str, *, address: str) -> str:
    """What a mail server answered, for operators, without the person."""
    return without_people(said, local_part=address.rpartition("@")[0])
