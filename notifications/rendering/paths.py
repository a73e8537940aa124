"""Variable paths: `data.order.items[].name`, where `[]` stands for every element of a list."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

ABSENT: Final = object()
EACH: Final = "[]"

_PLAIN = re.compile(r"[A-Za-z_\u0080-\uffff][\w-]*\??")
_SEGMENT = re.compile(r'\[\]|\[(-?\d+)\]|\[("(?:[^"\\]|\\.)*")\]|\.?([^.\[\]]+)')


def dotted(path: Sequence[object]) -> str:
    """Write segments as an editor would."""
    text = ""
    for segment in path:
        if segment == EACH:
            text += EACH
        elif isinstance(segment, str) and _PLAIN.fullmatch(segment):
            text += f".{segment}" if text else segment
        else:
            text += f"[{json.dumps(segment, ensure_ascii=False, default=str)}]"
    return text


def segments(path: str) -> tuple[str | int, ...]:
    """Read back what `dotted` wrote."""
    found: list[str | int] = []
    for match in _SEGMENT.finditer(path):
        index, quoted, plain = match.groups()
        if index:
            found.append(int(index))
        else:
            found.append(json.loads(quoted) if quoted else plain or EACH)
    return tuple(found)


def step(value: Any, key: Any) -> Any:
    """One step into plain data, or ABSENT; lists and strings also have first, last and size."""
    if isinstance(value, list | tuple | range):
        return _item(value, key)
    if isinstance(value, Mapping):
        try:
            return value[key]
        except (KeyError, TypeError):
            return ABSENT
    if isinstance(value, str) and key == "size":
        return len(value)
    return ABSENT


def _item(items: Any, key: Any) -> Any:
    if key == "size":
        return len(items)
    index = {"first": 0, "last": -1}.get(key, key) if isinstance(key, str) else key
    if type(index) is not int or not -len(items) <= index < len(items):
        return ABSENT
    return items[index]


def present(data: Any, path: Sequence[str | int]) -> bool:
    """Whether a path leads somewhere; `[]` asks every element, and an empty list satisfies it."""
    value = data
    for position, key in enumerate(path):
        if key == EACH:
            if isinstance(value, Mapping):
                value = list(value.items())
            if not isinstance(value, list | tuple):
                return value is None
            rest = path[position + 1 :]
            return all(present(item, rest) for item in value)
        value = step(value, key)
        if value is ABSENT:
            return False
    return True
