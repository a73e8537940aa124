"""From an editor's email to one HTML and one text template, both still Liquid.

MJML sees only its own skeleton: what stands inside mj-text and its kin is lifted out first and
never has to be XML. Everything here runs once, at publish.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import Final

import css_inline

from notifications.rendering.errors import SourceError
from notifications.rendering.markup import pieces
from notifications.rendering.mjml import Work, skeleton, to_html
from notifications.rendering.swap import (
    Masked,
    Table,
    is_output,
    masked,
    new_table,
    put_back,
    words,
)
from notifications.rendering.text import to_text

BARE_LAYOUT: Final = """<mjml>
<mj-head><mj-attributes><mj-all font-family="Helvetica, Arial, sans-serif" /><mj-text \
font-size="16px" line-height="1.5" /></mj-attributes></mj-head>
<mj-body>{{ content }}</mj-body>
</mjml>
"""

_HEADING: Final = "margin: 0; font-size: 1.4em; line-height: 1.3"

_FULL = re.compile(r"\s*(?:<!doctype|<html)", re.IGNORECASE)
_TAGLIKE = re.compile(r"</?[A-Za-z]")
_ORDER: Final = ("component", "column", "section")
_LEVELS: Final = {
    "mj-body": "section", "mj-wrapper": "section", "mj-section": "column", "mj-group": "column",
    "mj-column": "component", "mj-hero": "component",
}  # fmt: skip
_INLINER = css_inline.CSSInliner(load_remote_stylesheets=False, keep_at_rules=True)


class LayoutError(SourceError):
    """The fault is in the layout, not in the body."""


class BodyError(SourceError):
    """The fault is in the body."""


@dataclass(frozen=True, slots=True)
class Button:
    """A call to action under the body; both are Liquid sources."""

    label: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What an editor wrote for one email. `heading` stands above the body, `url` below it, unless a
    button leads there already."""

    body: str
    layout: str = ""
    preheader: str = ""
    heading: str = ""
    image: str = ""
    buttons: tuple[Button, ...] = ()
    url: str = ""
    locale: str = ""

    def sources(self) -> list[str]:
        """Return every Liquid source of the letter."""
        texts = [text for button in self.buttons for text in (button.label, button.url)]
        lines = [self.preheader, self.heading, self.image, self.url]
        return [self.body, self.layout, *lines, *texts]

    @property
    def link(self) -> str:
        """Return the url that is to be written out, "" for none."""
        return "" if any(self.url == button.url for button in self.buttons) else self.url


def compile_email(letter: Letter) -> tuple[str, str]:
    """Return (html, text) Liquid sources; raise BodyError or LayoutError where one is wrong."""
    table = new_table(*letter.sources(), BARE_LAYOUT)
    work = Work(table)
    html = _whole(letter, work)
    inlined = _tables_begin_first(_INLINER.inline(html), table)
    with _blaming(BodyError):
        _nothing_lost(table, html, inlined)
    return put_back(inlined, table), to_text("".join(work.plain), table)


def _whole(letter: Letter, work: Work) -> str:
    filling = _Filling(letter, work)
    if _FULL.match(letter.body):
        with _blaming(BodyError):
            html = words(masked(letter.body), work.table)
        work.plain.append(html)
        return html
    if "<mjml" in letter.body:
        with _blaming(BodyError):
            mjml = skeleton(masked(letter.body), work, filling)
            return to_html(mjml, work, locale=letter.locale)
    with _blaming(LayoutError):
        layout = masked(letter.layout.strip() or BARE_LAYOUT)
        mjml = skeleton(layout, work, filling)
        if not filling.used:
            raise SourceError("The layout has no {{ content }} for the body.")
        return to_html(mjml, work, locale=letter.locale)


@contextmanager
def _blaming(kind: type[SourceError]) -> Iterator[None]:
    """Name the source a fault lies in, unless somebody nearer has."""
    try:
        yield
    except (BodyError, LayoutError):
        raise
    except SourceError as error:
        raise kind(error.message, index=error.index) from error


def _tables_begin_first(html: str, table: Table) -> str:
    # The parser opens the tbody an editor left out after a leading {% for %}, inside the loop.
    return re.sub(rf"((?:<!--{table.mark}\d+q-->\s*)+)(<tbody[^>]*>)", r"\2\1", html)


def _nothing_lost(table: Table, *stages: str) -> None:
    kept = set.intersection(*(table.found(stage) for stage in stages))
    for number, construct in enumerate(table.taken):
        if construct.startswith("{%") and number not in kept and number not in table.unshown:
            raise SourceError(f"{construct} stands where it is dropped; move it into the text.")


@dataclass(slots=True)
class _Filling:
    """Fills the slots of a layout with what the editor wrote."""

    letter: Letter
    work: Work
    used: bool = False

    def block(self, parent: str) -> str:
        """Return the body, wrapped in as much MJML as its place needs."""
        self.used = True
        with _blaming(BodyError):
            return self._body(_LEVELS.get(parent, ""))

    def inline(self, name: str) -> str:
        """Return the body or the preheader as HTML."""
        if name == "preheader":
            return self.preview()
        self.used = True
        with _blaming(BodyError):
            if "<mj-" in self.letter.body:
                raise SourceError("The layout puts the body inside mj-text: it cannot be MJML.")
            above, below = self._heading(), "".join(self._links())
            return f"{above}{self._html(masked(self.letter.body))}{below}"

    def preview(self) -> str:
        """Return the preheader as HTML."""
        return _escaped(self.letter.preheader, self.work.table)

    def _html(self, part: Masked) -> str:
        if _TAGLIKE.search(part.flat):
            return words(part, self.work.table)
        return _paragraphs(self.letter.body, self.work.table)

    def _body(self, level: str) -> str:
        part = masked(self.letter.body)
        own = _own_level(part)
        if own:
            place = next(parent for parent, holds in _LEVELS.items() if holds == own)
            mjml = skeleton(part, self.work, None, inside=place)
            return _wrapped(f"{mjml}{self._buttons(own)}", own, level)
        heading = self._text(self._heading())
        text = self._text(self._html(part))
        shown = f"{heading}{self._picture()}{text}{self._buttons('component')}"
        return _wrapped(shown, "component", level)

    def _text(self, html: str) -> str:
        if not html:
            return ""
        self.work.plain.append(f"<div>{html}</div>")
        return f"<mj-text>{self.work.lift(html)}</mj-text>"

    def _heading(self) -> str:
        title = _escaped(self.letter.heading, self.work.table)
        return f'<h1 style="{_HEADING}">{title}</h1>' if title else ""

    def _links(self) -> Iterator[str]:
        """Yield the buttons and the link as HTML, for where no MJML can stand."""
        table = self.work.table
        for one in self.letter.buttons:
            href = _escaped(one.url, table, attribute=True)
            yield f'<p><a href="{href}">{_escaped(one.label, table)}</a></p>'
        if self.letter.link:
            yield self._written_out()

    def _written_out(self) -> str:
        url = self.letter.link
        href = _escaped(url, self.work.table, attribute=True)
        return f'<p><a href="{href}">{_escaped(url, self.work.table)}</a></p>'

    def _picture(self) -> str:
        if not self.letter.image:
            return ""
        source = _escaped(self.letter.image, self.work.table, attribute=True)
        return f'<mj-image src="{source}" alt="" />'

    def _buttons(self, level: str) -> str:
        written = []
        for button in self.letter.buttons:
            href = _escaped(button.url, self.work.table, attribute=True)
            label = _escaped(button.label, self.work.table)
            self.work.plain.append(f'<p><a href="{href}">{label}</a></p>')
            written.append(f'<mj-button href="{href}">{self.work.lift(label)}</mj-button>')
        if self.letter.link:
            written.append(self._text(self._written_out()))
        return _wrapped("".join(written), "component", level) if written else ""


def _own_level(part: Masked) -> str:
    """Return what the body is made of: section, column, component, or "" when it is no MJML."""
    first = next((p.name for p in pieces(part.flat) if p.kind == "open"), "")
    if not first.startswith("mj-"):
        return ""
    if first in ("mj-section", "mj-wrapper", "mj-hero"):
        return "section"
    return "column" if first in ("mj-column", "mj-group") else "component"


def _wrapped(mjml: str, own: str, level: str) -> str:
    if level not in _ORDER or _ORDER.index(own) > _ORDER.index(level):
        raise SourceError(f"The layout's place for the body cannot hold mj-{own} elements.")
    if own == "component" and level != "component":
        mjml, own = f"<mj-column>{mjml}</mj-column>", "column"
    return f"<mj-section>{mjml}</mj-section>" if own == "column" and level == "section" else mjml


def _escaped(source: str, table: Table, *, attribute: bool = False) -> str:
    """Return plain text as HTML, its Liquid swapped."""
    part = masked(source)
    position, written = 0, []
    for tag in part.constructs:
        word = table.word(part.text(tag))
        written.append(escape(part.source[position : tag.start]))
        written.append(word if attribute or is_output(tag) else f"<!--{word}-->")
        position = tag.end
    written.append(escape(part.source[position:]))
    return "".join(written)


def _paragraphs(source: str, table: Table) -> str:
    blocks = re.split(r"\n[ \t]*\n\s*", _escaped(source.strip().replace("\r\n", "\n"), table))
    lines = [block.strip().replace("\n", "<br>\n") for block in blocks]
    alone = table.pattern()
    return "\n".join(line if alone.fullmatch(line) else f"<p>{line}</p>" for line in lines)
