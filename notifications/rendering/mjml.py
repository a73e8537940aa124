"""Walks MJML once: lifts its contents out, swaps its Liquid, and says what MJML would swallow."""

import re
from dataclasses import dataclass, field
from html import escape
from typing import Final, Protocol

import mrml

from notifications.rendering.errors import SourceError
from notifications.rendering.markup import Piece, pieces
from notifications.rendering.swap import (
    Masked,
    Table,
    is_output,
    masked,
    piece_words,
    words,
    words_between,
)

# Their content is HTML, which MJML copies as it stands.
ENDINGS: Final = frozenset(
    {"mj-text", "mj-button", "mj-table", "mj-raw", "mj-preview", "mj-navbar-link",
     "mj-social-element", "mj-accordion-title", "mj-accordion-text"}
)  # fmt: skip
CONTAINERS: Final = frozenset(
    {"mj-body", "mj-wrapper", "mj-section", "mj-group", "mj-column", "mj-hero"}
)
_OTHERS: Final = frozenset(
    {"mjml", "mj-head", "mj-attributes", "mj-all", "mj-class", "mj-style", "mj-title", "mj-font",
     "mj-breakpoint", "mj-html-attributes", "mj-selector", "mj-html-attribute", "mj-image",
     "mj-divider", "mj-spacer", "mj-social", "mj-navbar", "mj-accordion", "mj-accordion-element",
     "mj-carousel", "mj-carousel-image"}
)  # fmt: skip
ELEMENTS: Final = ENDINGS | CONTAINERS | _OTHERS

_IN_COLUMN: Final = frozenset({"mj-column", "mj-hero", "mj-attributes"})
_PARENTS: Final[dict[str, frozenset[str]]] = {
    "mj-wrapper": frozenset({"mj-body", "mj-attributes"}),
    "mj-section": frozenset({"mj-body", "mj-wrapper", "mj-attributes"}),
    "mj-hero": frozenset({"mj-body", "mj-wrapper", "mj-attributes"}),
    "mj-group": frozenset({"mj-section", "mj-attributes"}),
    "mj-column": frozenset({"mj-section", "mj-group", "mj-attributes"}),
    **dict.fromkeys(("mj-text", "mj-button", "mj-table", "mj-image", "mj-divider"), _IN_COLUMN),
    **dict.fromkeys(("mj-spacer", "mj-social", "mj-navbar", "mj-carousel"), _IN_COLUMN),
}

# By itself MJML has every reader's mail program fetch a font from Google.
_OPTIONS = mrml.RenderOptions(fonts={})
_INLINE = re.compile(r"<mj-style\s[^>]*>")


@dataclass(slots=True)
class Work:
    """One compilation: the skeleton's contents, and the plain twin that text is derived from."""

    table: Table
    contents: dict[str, str] = field(default_factory=dict)
    plain: list[str] = field(default_factory=list)

    def lift(self, html: str) -> str:
        """Keep finished HTML and return the word that stands for it in the skeleton."""
        word = f"{self.table.mark}c{len(self.contents)}q"
        self.contents[word] = html
        return word


class Slots(Protocol):
    """What a layout's {{ content }} and {{ preheader }} are filled with."""

    def block(self, parent: str) -> str:
        """Return the body as MJML that may stand inside `parent`."""

    def inline(self, name: str) -> str:
        """Return a slot's filling as HTML."""

    def preview(self) -> str:
        """Return the preheader as HTML, "" when there is none."""


def to_html(skeleton: str, work: Work, *, locale: str) -> str:
    """Compile a skeleton and put its contents back."""
    if locale and "lang=" not in skeleton[: skeleton.find(">")]:
        skeleton = skeleton.replace("<mjml", f'<mjml lang="{escape(locale)}"', 1)
    # We inline all styles ourselves, later. MJML would do it before the contents are back: it would
    # match nothing, and drop tables because they look empty.
    skeleton = _INLINE.sub("<mj-style>", skeleton)
    try:
        html: str = mrml.to_html(skeleton, render_options=_OPTIONS).content
    except OSError as error:
        raise SourceError(f"MJML cannot read this: {str(error).split(' in root')[0]}.") from error
    pattern = re.compile(rf"{work.table.mark}c\d+q")
    return pattern.sub(lambda match: work.contents[match.group()], html)


def slot(construct: str) -> str:
    """Return the name of a plain output such as {{ content }}, or ""."""
    match = re.fullmatch(r"\{\{-?\s*(\w+)\s*-?\}\}", construct)
    return match.group(1) if match else ""


def skeleton(part: Masked, work: Work, slots: Slots | None, *, inside: str = "") -> str:
    """Return MJML with words for its contents and its Liquid; `inside` is the parent element."""
    walker = _Walker(part, work, slots, [inside] if inside else [])
    return walker.walk()


@dataclass(slots=True)
class _Walker:
    part: Masked
    work: Work
    slots: Slots | None
    stack: list[str]

    def walk(self) -> str:
        written: list[str] = []
        base = len(self.stack)
        lifting: Piece | None = None
        for piece in pieces(self.part.flat):
            if lifting is not None:
                if piece.kind == "close" and piece.name == lifting.name:
                    written.append(self._ending(lifting, piece))
                    lifting = None
            elif piece.kind == "open" and piece.name in ENDINGS and not piece.empty:
                self._check_place(piece)
                lifting = piece
            else:
                written.append(self._step(piece, base))
        left = lifting.name if lifting else self.stack[-1] if len(self.stack) > base else ""
        if left:
            index = lifting.start if lifting else self.part.flat.rfind(f"<{left}")
            raise SourceError(f"This {left} is never closed.", index=index)
        return "".join(written)

    def _step(self, piece: Piece, base: int) -> str:
        if piece.kind == "text":
            return self._between(piece)
        before = ""
        if piece.kind == "open":
            self._check_known(piece)
            self._check_place(piece)
            self._twin(piece)
            if not piece.empty:
                self.stack.append(piece.name)
        elif piece.kind == "close":
            before = self._closing(piece, base)
        return before + piece_words(self.part, self.work.table, piece)

    def _closing(self, piece: Piece, base: int) -> str:
        if len(self.stack) <= base or self.stack[-1] != piece.name:
            raise SourceError(
                f"This closes {piece.name}, which is not open here.", index=piece.start
            )
        self.stack.pop()
        if piece.name != "mj-head" or self.slots is None or "<mj-preview" in self.part.flat:
            return ""
        html = self.slots.preview()
        return f"<mj-preview>{self.work.lift(html)}</mj-preview>" if html else ""

    def _check_known(self, piece: Piece) -> None:
        if piece.name == "mj-include":
            raise SourceError(
                "mj-include cannot be used: a template loads no files.", index=piece.start
            )
        if piece.name not in ELEMENTS:
            raise SourceError(
                f"MJML has no {piece.name} here; put HTML inside mj-text, mj-table or mj-raw.",
                index=piece.start,
            )

    def _check_place(self, piece: Piece) -> None:
        parent = self.stack[-1] if self.stack else ""
        allowed = _PARENTS.get(piece.name)
        if allowed and parent not in allowed:
            places = ", ".join(sorted(allowed - {"mj-attributes"}))
            raise SourceError(
                f"{piece.name} cannot stand inside {parent or 'nothing'}; it goes into: {places}.",
                index=piece.start,
            )

    def _twin(self, piece: Piece) -> None:
        if piece.name == "mj-divider":
            self.work.plain.append("<hr>")
        elif piece.name in ("mj-image", "mj-carousel-image"):
            match = re.search(r'\balt="([^"]+)"', self.part.source[piece.start : piece.end])
            if match:
                table = self.work.table
                begun = len(table.taken)
                alt = words(masked(match.group(1)), table)
                table.unshown.update(range(begun, len(table.taken)))
                self.work.plain.append(f"<p>{alt}</p>")

    def _between(self, piece: Piece) -> str:
        """Liquid between elements: control tags ride in mj-raw, the body fills its slot."""
        loose = self.part.flat[piece.start : piece.end].replace("\ue000", "").strip()
        if loose:
            raise SourceError("Text must stand inside mj-text.", index=piece.start)
        parent = self.stack[-1] if self.stack else ""
        written = []
        for tag in self.part.within(piece.start, piece.end):
            text = self.part.text(tag)
            if self.slots is not None and slot(text) == "content":
                written.append(self.slots.block(parent))
            elif parent not in CONTAINERS:
                raise SourceError(
                    f"Liquid cannot stand directly inside {parent or 'this'}.", index=tag.start
                )
            elif is_output(tag):
                raise SourceError("Put this inside mj-text; MJML drops it here.", index=tag.start)
            else:
                word = self.work.table.word(text)
                self.work.plain.append(f"<div>{word}</div>")
                written.append(f"<mj-raw><!--{word}--></mj-raw>")
        return "".join(written)

    def _ending(self, opened: Piece, closed: Piece) -> str:
        head = piece_words(self.part, self.work.table, opened)
        html = self._inner(opened.end, closed.start)
        if opened.name == "mj-button":
            match = re.search(r'\bhref="([^"]*)"', head)
            link = f' href="{match.group(1)}"' if match else ""
            self.work.plain.append(f"<p><a{link}>{html}</a></p>")
        elif opened.name != "mj-preview":
            self.work.plain.append(f"<div>{html}</div>")
        return f"{head}{self.work.lift(html)}</{opened.name}>"

    def _inner(self, start: int, end: int) -> str:
        written, position = [], start
        for tag in self.part.within(start, end) if self.slots is not None else ():
            name = slot(self.part.text(tag))
            if self.slots is None or name not in ("content", "preheader"):
                continue
            written.append(words_between(self.part, self.work.table, position, tag.start))
            written.append(self.slots.inline(name))
            position = tag.end
        written.append(words_between(self.part, self.work.table, position, end))
        return "".join(written)
