"""Takes Liquid out of markup, and puts it back where the compilers have left its place.

`{% if a < 3 %}` is no XML, and an HTML parser throws text out of tables. So each output becomes a
word, each control tag a comment (a word inside an attribute), and both survive MJML and inlining.
"""

import re
from dataclasses import dataclass, field

from notifications.rendering.errors import SourceError
from notifications.rendering.markup import Attribute, Piece, attributes, pieces
from notifications.rendering.scan import Tag, scan, tags

_LINKS = frozenset({"href", "src", "action", "background", "formaction", "xlink:href", "poster"})
_CONTROL = re.compile(r"\{%-?\s*(\w+)")
_CSS_URL = re.compile(r"url\(\s*(?:['\"]|&quot;|&#39;)?$")


@dataclass(slots=True)
class Table:
    """The Liquid taken out so far; `mark` is a letter sequence no source contains."""

    mark: str
    taken: list[str] = field(default_factory=list)
    unshown: set[int] = field(default_factory=set)  # in the text part only

    def word(self, text: str) -> str:
        """Keep `text` and return the word that stands for it."""
        self.taken.append(text)
        return f"{self.mark}{len(self.taken) - 1}q"

    def pattern(self) -> re.Pattern[str]:
        """Match a word, or a comment that holds nothing else."""
        return re.compile(rf"<!--{self.mark}(\d+)q-->|{self.mark}(\d+)q")

    def found(self, text: str) -> set[int]:
        """Return the numbers of the words in `text`."""
        return {int(a or b) for a, b in self.pattern().findall(text)}


def new_table(*sources: str) -> Table:
    """Return a table whose words occur in none of the sources."""
    mark = "lq"
    while any(mark in source for source in sources):
        mark += "z"
    return Table(mark)


@dataclass(frozen=True, slots=True)
class Masked:
    """A source and a copy of equal length in which every Liquid construct is one opaque word."""

    source: str
    flat: str
    constructs: tuple[Tag, ...]

    def within(self, start: int, end: int) -> list[Tag]:
        """Return the constructs of a stretch."""
        return [tag for tag in self.constructs if start <= tag.start and tag.end <= end]

    def cut(self, start: int, end: int) -> "Masked":
        """Return a stretch as a source of its own."""
        inner = tuple(
            Tag(tag.name, tag.start - start, tag.end - start) for tag in self.within(start, end)
        )
        return Masked(self.source[start:end], self.flat[start:end], inner)

    def text(self, tag: Tag) -> str:
        """Return the construct as it was written."""
        return self.source[tag.start : tag.end]


def masked(source: str) -> Masked:
    """Scan a source and mask it; Liquid comments are blanked, HTML ones stay."""
    scan(source)
    found, flat, depth, begun = [], list(source), 0, 0
    for tag in tags(source):
        if tag.name == "comment":
            begun = begun if depth else tag.start
            depth += 1
        elif tag.name == "endcomment":
            depth -= 1
            if not depth:
                flat[begun : tag.end] = " " * (tag.end - begun)
        elif not depth:
            _hide(flat, tag)
            if tag.name != "#":
                found.append(tag)
    blanked = "".join(flat)
    bare = [" " if mark == " " else char for mark, char in zip(flat, source, strict=True)]
    return Masked("".join(bare), blanked, tuple(found))


def _hide(flat: list[str], tag: Tag) -> None:
    flat[tag.start : tag.end] = (" " if tag.name == "#" else "\ue000") * (tag.end - tag.start)


def is_output(tag: Tag) -> bool:
    """Whether a construct writes a value in place (an output or a raw block)."""
    return tag.name in ("", "raw")


def words(part: Masked, table: Table) -> str:
    """Return HTML in which Liquid is words and comments; check where it stands."""
    return "".join(piece_words(part, table, piece) for piece in pieces(part.flat))


def words_between(part: Masked, table: Table, start: int, end: int) -> str:
    """Return a stretch of HTML with its Liquid swapped; faults point into the whole."""
    try:
        return words(part.cut(start, end), table)
    except SourceError as error:
        raise type(error)(error.message, index=error.index + start) from error


def piece_words(part: Masked, table: Table, piece: Piece) -> str:
    """Return one piece with its Liquid swapped; "" for an editor's comment."""
    if piece.kind == "comment" and not _kept(part.flat, piece):
        return ""
    if piece.kind == "open":
        _check_tag(part, piece)
    plain = piece.kind != "text"
    if piece.kind == "raw" and piece.name in ("style", "mj-style", "script"):
        _check_style(part, piece)
    position, written = piece.start, []
    for tag in part.within(piece.start, piece.end):
        if part.flat.endswith(("<", "</"), piece.start, tag.start):
            raise SourceError("Liquid cannot name an element.", index=tag.start)
        word = table.word(part.text(tag))
        written.append(part.source[position : tag.start])
        written.append(word if plain or is_output(tag) else f"<!--{word}-->")
        position = tag.end
    written.append(part.source[position : piece.end])
    return "".join(written)


def _kept(flat: str, piece: Piece) -> bool:
    return piece.name == "declaration" or flat.startswith(("<!--[if", "<!--<![endif"), piece.start)


def _check_tag(part: Masked, piece: Piece) -> None:
    safe = [a for a in attributes(part.flat, piece) if a.quoted]
    for tag in part.within(piece.start, piece.end):
        if not any(a.start <= tag.start and tag.end <= a.end for a in safe):
            raise SourceError(
                "Inside a tag, Liquid may only stand in an attribute's value between quotes.",
                index=tag.start,
            )


def _check_style(part: Masked, piece: Piece) -> None:
    for tag in part.within(piece.start, piece.end):
        if tag.name != "":
            raise SourceError("Inside a style only {{ … }} can be used.", index=tag.start)


def put_back(html: str, table: Table) -> str:
    """Return compiled HTML with its Liquid in place, guarded where a value could do harm."""
    written = []
    for piece in pieces(html):
        if table.mark in piece.name:
            raise SourceError("Liquid cannot name an element.")
        if piece.kind == "open":
            written.append(_tag_back(html, piece, table))
        elif piece.kind == "comment" and html.startswith("<!--[if", piece.start):
            written.append(_conditional_back(html[piece.start : piece.end], table))
        elif piece.kind == "raw" and piece.name == "style":
            written.append(_guard(html[piece.start : piece.end], table, "_css"))
        else:
            written.append(_guard(html[piece.start : piece.end], table, ""))
    return "".join(written)


def _conditional_back(comment: str, table: Table) -> str:
    head = comment.find(">") + 1
    tail = comment.rfind("<!")
    if not 0 < head <= tail:
        return _guard(comment, table, "")
    return comment[:head] + put_back(comment[head:tail], table) + comment[tail:]


def _tag_back(html: str, piece: Piece, table: Table) -> str:
    position, written = piece.start, []
    for attribute in attributes(html, piece):
        if not attribute.quoted and table.found(html[attribute.start : attribute.end]):
            raise SourceError("Liquid may only stand in an attribute's value between quotes.")
        written.append(html[position : attribute.start])
        written.append(_value_back(html, attribute, table))
        position = attribute.end
    written.append(html[position : piece.end])
    return "".join(written)


def _value_back(html: str, attribute: Attribute, table: Table) -> str:
    value = html[attribute.start : attribute.end]
    if attribute.name in _LINKS:
        return _guard(value, table, "_link", only_first=True)
    return _guard(value, table, "_css" if attribute.name == "style" else "")


def _guard(text: str, table: Table, name: str, *, only_first: bool = False) -> str:
    """Put constructs back; outputs get the filter `name`, or only those nothing stands before."""
    position, depth, led, written = 0, 0, False, []
    fresh = True
    for match in table.pattern().finditer(text):
        before = text[position : match.start()]
        position = match.end()
        fresh = fresh and not before.strip()
        construct = table.taken[int(match.group(1) or match.group(2))]
        depth += _deeper(construct)
        if name and construct.startswith("{{") and (fresh or not only_first):
            guard = "_link" if name == "_css" and _CSS_URL.search(text[: match.start()]) else name
            construct = _with_filter(construct, "_tail" if led and only_first else guard)
            led = led or not depth
        written += [before, construct]
    return "".join([*written, text[position:]])


def _deeper(construct: str) -> int:
    match = _CONTROL.match(construct)
    if match is None:
        return 0
    return (
        -1
        if match.group(1).startswith("end")
        else match.group(1) in ("if", "unless", "case", "for")
    )


def _with_filter(construct: str, name: str) -> str:
    close = "-}}" if construct.endswith("-}}") else "}}"
    return f"{construct[: -len(close)].rstrip()} | {name} {close}"
