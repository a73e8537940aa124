"""The text part: derived once from simple HTML, with the same Liquid in it."""

import re
from typing import Final

import inscriptis
from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.model.config import ParserConfig

from notifications.rendering.markup import attributes, pieces
from notifications.rendering.swap import Table

_CONFIG: Final = ParserConfig(css=CSS_PROFILES["strict"])
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]+")
_TRAILING = re.compile(r"(?<![ \t])[ \t]+\n")  # the look-behind keeps a run of blanks linear
_GAPS = re.compile(r"\n{3,}")
_BLOCKS: Final = frozenset(["table", "thead", "tbody", "tfoot", "tr"])
_CELLS: Final = frozenset(["td", "th"])
_DROPPED: Final = frozenset(["style", "script", "title"])


def to_text(html: str, table: Table) -> str:
    """Return the text template of a compiled email."""
    plain = inscriptis.get_text(_simple(html, table), _CONFIG)
    lines = [re.sub(r"[ \t]+", " ", line).strip() for line in plain.split("\n")]
    return _back(re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip(), table)


def tidy(text: str) -> str:
    """Return rendered text without trailing blanks, double empty lines or control characters."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    # Mostly there is nothing to do, and looking is cheaper than replacing.
    if not text.replace("\n", "").isprintable():
        text = _CONTROLS.sub("", text)
    if " \n" in text or "\t\n" in text:
        text = _TRAILING.sub("\n", text)
    if "\n\n\n" in text:
        text = _GAPS.sub("\n\n", text)
    return text.strip()


def _simple(html: str, table: Table) -> str:
    """Return HTML without tables, with links written out and control tags as words."""
    written: list[str] = []
    links: list[tuple[str, int]] = []
    for piece in pieces(html):
        if piece.kind == "comment":
            found = table.pattern().fullmatch(html[piece.start : piece.end])
            written.append(f"{table.mark}{found.group(1)}q" if found else "")
        elif piece.name in _DROPPED:
            continue
        elif piece.name == "a" and piece.kind == "open":
            href = next((a for a in attributes(html, piece) if a.name == "href"), None)
            links.append((html[href.start : href.end] if href else "", len(written)))
        elif piece.name == "a" and piece.kind == "close" and links:
            url, begun = links.pop()
            label = "".join(written[begun:]).strip()
            same = not label or _put_back(label, table) == _put_back(url, table)
            written[begun:] = [url if same else _linked(label, url)]
        elif piece.name in _BLOCKS:
            written.append("<div>" if piece.kind == "open" else "</div>")
        elif piece.name in _CELLS:
            written.append(" " if piece.kind == "open" else "")
        else:
            written.append(html[piece.start : piece.end])
    return "".join(written)


def _linked(label: str, url: str) -> str:
    if not url or url.startswith(("#", "mailto:", "tel:")):
        return label
    return f"{label}: {url}"


def _back(text: str, table: Table) -> str:
    """Put Liquid back; a line that holds only control tags takes its line break with it."""
    word = rf"{table.mark}(\d+)q"
    kept = []
    for line in text.split("\n"):
        written = _put_back(line, table)
        only = re.fullmatch(rf"(?:{word}\s*)+", line) and "{{" not in written
        kept.append(written if only else written + "\n")
    return "".join(kept).rstrip("\n")


def _put_back(text: str, table: Table) -> str:
    return re.sub(rf"{table.mark}(\d+)q", lambda found: table.taken[int(found.group(1))], text)
