"""What the shop says, as files: read whole, in a fixed order."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SHOP = Path(__file__).with_name("shop")


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryFile:
    """A category; words for words as its row, but for channels by key and its kind by name."""

    key: str
    name: str
    description: str
    kind: str
    default_channels: tuple[str, ...]
    mandatory: bool = False
    translations: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicFile:
    """A topic; words for words as its row."""

    key: str
    name: str
    description: str
    translations: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeFile:
    """A type with its steps, and what it says: `words[locale][channel]` is a template's source;
    the channel `general` is every channel."""

    key: str
    name: str
    description: str
    category: str
    steps: tuple[dict[str, Any], ...]
    data_schema: dict[str, Any]
    sample_data: dict[str, Any]
    words: dict[str, dict[str, dict[str, Any]]]
    priority: str = "normal"
    ttl_seconds: int | None = None
    uncertain: str = "resend"
    layout: str = ""


def categories() -> list[CategoryFile]:
    """All categories, in the order people see them."""
    return [
        CategoryFile(key=key, **{**said, "default_channels": tuple(said["default_channels"])})
        for key, said in _toml(SHOP / "categories.toml").items()
    ]


def topics() -> list[TopicFile]:
    """All topics."""
    return [TopicFile(key=key, **said) for key, said in _toml(SHOP / "topics.toml").items()]


def layouts() -> dict[str, str]:
    """MJML of all layouts, by key."""
    return {path.stem: path.read_text() for path in sorted(SHOP.glob("*.mjml"))}


def types() -> list[TypeFile]:
    """All types, by key."""
    return [_type(path) for path in sorted((SHOP / "types").glob("*.toml"))]


def _type(path: Path) -> TypeFile:
    said = _toml(path)
    return TypeFile(key=path.stem, **{**said, "steps": tuple(said["steps"])})


def _toml(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text())
