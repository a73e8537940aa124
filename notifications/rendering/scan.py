"""One linear pass over a Liquid source before the library's lexer sees it.

The lexer's patterns look for a closing brace from every opening one, which is quadratic when
there is none. After this pass every tag is closed, short, known and in balance.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from notifications.rendering import limits
from notifications.rendering.errors import SourceError

BLOCKS = {"if", "unless", "case", "for", "capture", "comment"}
INNER = {
    "else": {"if", "unless", "case", "for"},
    "elsif": {"if", "unless"},
    "when": {"case"},
}
LEAVES = {"assign", "break", "continue", "#"}

_OPEN = re.compile(r"\{\{|\{%")
_NAME = re.compile(r"[-\s]*(#|\w*)")
_SPACE_RUN = re.compile(rf"\s{{{limits.SPACE_RUN},}}")
_ENDRAW = re.compile(r"\{%-?\s{0,20}endraw\s{0,20}-?%\}")
_WORDS = {
    "include": "one template cannot load another",
    "render": "one template cannot load another",
}


@dataclass(frozen=True, slots=True)
class Tag:
    """One Liquid construct in a source: `name` is "" for an output, "raw" spans to `endraw`."""

    name: str
    start: int
    end: int


def tags(source: str) -> Iterator[Tag]:
    """Yield every construct in order; raise SourceError where one is malformed."""
    position = 0
    while match := _OPEN.search(source, position):
        tag = _tag_at(source, match.start())
        yield tag
        position = tag.end


def scan(source: str, *, most: int = limits.SOURCE_CHARS) -> int:
    """Return the number of constructs, or raise SourceError at the first fault."""
    if len(source) > most:
        raise SourceError(f"The text is longer than {most:,} characters.")
    stack: list[Tag] = []
    count = 0
    for tag in tags(source):
        count += 1
        if count > limits.NODES:
            raise SourceError(f"There are more than {limits.NODES:,} tags.", index=tag.start)
        _balance(stack, tag)
    if stack:
        name = stack[-1].name
        raise SourceError(f"This {name} is never closed by end{name}.", index=stack[-1].start)
    return count


def _tag_at(source: str, start: int) -> Tag:
    output = source.startswith("{{", start)
    closer = "}}" if output else "%}"
    end = source.find(closer, start + 2, start + limits.TAG_CHARS)
    if end < 0:
        raise SourceError(
            f"No {closer} closes this within {limits.TAG_CHARS:,} characters.", index=start
        )
    if _SPACE_RUN.search(source, start, end):
        raise SourceError("There is too much blank space inside this tag.", index=start)
    if output:
        return Tag("", start, end + 2)
    match = _NAME.match(source, start + 2, end)
    name = match.group(1) if match else ""
    return _raw(source, start, end + 2) if name == "raw" else Tag(name or "?", start, end + 2)


def _raw(source: str, start: int, end: int) -> Tag:
    match = _ENDRAW.search(source, end)
    if match is None:
        raise SourceError("This raw is never closed by endraw.", index=start)
    return Tag("raw", start, match.end())


def _balance(stack: list[Tag], tag: Tag) -> None:
    name = tag.name
    inside = stack[-1].name if stack else ""
    if inside == "comment" and name != "endcomment":
        return
    if name in BLOCKS:
        _push(stack, tag)
    elif name.startswith("end") and name[3:] in BLOCKS:
        _pop(stack, tag)
    else:
        _stand(stack, tag)


def _stand(stack: list[Tag], tag: Tag) -> None:
    """Check a tag that opens and closes nothing."""
    name, open_names = tag.name, [open_tag.name for open_tag in stack]
    if name in INNER and (not stack or open_names[-1] not in INNER[name]):
        raise SourceError(f"There is no open block that {name} could belong to.", index=tag.start)
    if name in ("break", "continue") and "for" not in open_names:
        raise SourceError(f"{name} only works inside a for loop.", index=tag.start)
    if name not in LEAVES and name not in INNER and name not in ("", "raw"):
        why = _WORDS.get(name, "it is not known here")
        raise SourceError(f"The tag {name} cannot be used: {why}.", index=tag.start)


def _push(stack: list[Tag], tag: Tag) -> None:
    loops = sum(open_tag.name == "for" for open_tag in stack)
    if tag.name == "for" and loops >= limits.LOOP_DEPTH:
        raise SourceError(
            f"Loops may be at most {limits.LOOP_DEPTH} deep inside each other.", index=tag.start
        )
    if len(stack) >= limits.BLOCK_DEPTH:
        raise SourceError(
            f"Blocks may be at most {limits.BLOCK_DEPTH} deep inside each other.", index=tag.start
        )
    stack.append(tag)


def _pop(stack: list[Tag], tag: Tag) -> None:
    if not stack:
        raise SourceError(f"There is no {tag.name[3:]} for this {tag.name}.", index=tag.start)
    if stack[-1].name != tag.name[3:]:
        raise SourceError(
            f"Here {tag.name} is found, but the block open is {stack[-1].name}.", index=tag.start
        )
    stack.pop()
