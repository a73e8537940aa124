"""HTML and MJML as a flat row of pieces, found in one pass and never by backtracking."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from notifications.rendering.errors import SourceError

Kind = Literal["text", "open", "close", "comment", "raw"]

VOID: Final = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
     "track", "wbr"}
)  # fmt: skip
_RAW: Final = frozenset({"style", "script", "mj-style", "title", "mj-title"})
_TAG = re.compile(
    r"<(?P<close>/?)(?P<name>[A-Za-z][\w:.-]*)"
    r"(?P<attributes>(?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>"
)
_ATTRIBUTE = re.compile(
    r"(?P<name>[^\s\"'<>/=]+)(?:\s*=\s*(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'"
    r"|(?P<bare>[^\s\"'<>=`]+)))?"
)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of markup; `name` is the element's, lower case, also for the text of a style."""

    kind: Kind
    start: int
    end: int
    name: str = ""
    empty: bool = False  # void, or closed by its own "/>"


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute and where its value stands; `quoted` is False for a bare or absent value."""

    name: str
    start: int
    end: int
    quoted: bool


def pieces(source: str) -> Iterator[Piece]:
    """Yield everything in order; raise SourceError at a tag or comment that never ends."""
    position, length = 0, len(source)
    while position < length:
        bracket = source.find("<", position)
        if bracket < 0:
            break
        piece = _piece_at(source, bracket)
        if piece is None:
            following = source.find("<", bracket + 1)
            end = following if following >= 0 else length
            yield Piece("text", position, end)
            position = end
            continue
        if bracket > position:
            yield Piece("text", position, bracket)
        yield piece
        position = piece.end
        if piece.kind == "open" and piece.name in _RAW and not piece.empty:
            end = _raw_end(source, piece)
            yield Piece("raw", position, end, piece.name)
            position = end
    if position < length:
        yield Piece("text", position, length)


def attributes(source: str, tag: Piece) -> Iterator[Attribute]:
    """Yield the attributes of an opening tag."""
    for match in _ATTRIBUTE.finditer(source, tag.start + 1 + len(tag.name), tag.end - 1):
        group = next((g for g in ("double", "single", "bare") if match[g] is not None), "name")
        start, end = match.span(group)
        yield Attribute(match["name"].lower(), start, end, group in ("double", "single"))


def _piece_at(source: str, start: int) -> Piece | None:
    if source.startswith("<!--", start):
        end = source.find("-->", start + 4)
        if end < 0:
            raise SourceError("This comment is never closed by -->.", index=start)
        return Piece("comment", start, end + 3)
    if source.startswith(("<!", "<?"), start):
        end = source.find(">", start)
        if end < 0:
            raise SourceError("This is never closed by >.", index=start)
        return Piece("comment", start, end + 1, "declaration")
    if not re.compile(r"</?[A-Za-z]").match(source, start):
        return None
    match = _TAG.match(source, start)
    if match is None:
        raise SourceError("This tag is never closed by >, or a quote is missing.", index=start)
    name = match["name"].lower()
    if match["close"]:
        return Piece("close", start, match.end(), name)
    empty = name in VOID or match["attributes"].endswith("/")
    return Piece("open", start, match.end(), name, empty)


def _raw_end(source: str, opened: Piece) -> int:
    match = re.compile(rf"</{opened.name}\s*>", re.IGNORECASE).search(source, opened.end)
    if match is None:
        raise SourceError(f"This {opened.name} is never closed.", index=opened.start)
    return match.start()
