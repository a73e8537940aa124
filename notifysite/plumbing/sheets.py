"""CSV as people send it and open it: read line by line, and written so that no cell is a formula.

A row is one line (RFC 4180 without line breaks in cells): so a quote that is never closed spoils
its own line, not all that follow.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

LONGEST = 8_000  # bytes of a line
_DELIMITERS = ",;\t"
# What a spreadsheet may take for a formula (OWASP, CSV Injection), in both widths.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001
_MARK = "'"
_NONE: Mapping[str, str] = MappingProxyType({})
SAID = ("line", "problem")  # the columns that `refused` adds


class File(Protocol):
    """A file open for reading bytes."""

    def readline(self, limit: int = -1, /) -> bytes:
        """The next line, or so many bytes of it."""
        ...


class NotASheet(ValueError):
    """A file that cannot be read at all; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Line:
    """A row. `values`: cells by column; `problem`: why it cannot be read, or is not taken."""

    number: int
    cells: tuple[str, ...]
    values: Mapping[str, str]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """Columns as the file names them, as `values` has them, and the rows, read when asked for."""

    header: tuple[str, ...]
    columns: tuple[str, ...]
    lines: Iterator[Line]


def read(file: File, *, aliases: Mapping[str, str] = _NONE) -> Sheet:
    """Read the header, and the rows as they are asked for. Raises NotASheet.

    `columns` are in lower case with _ for blanks, and those with an alias by that.
    """
    rows = _rows(file)
    _, raw = next(rows, (0, b""))
    if not raw.strip():
        raise NotASheet("The file is empty. Its first line must name the columns.")
    try:
        text = raw.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        raise NotASheet("Save the file as CSV in UTF-8.") from None
    delimiter = max(_DELIMITERS, key=text.count)
    header, problem = _cells(text, delimiter)
    names = [_name(cell) for cell in header]
    columns = tuple(aliases.get(name, name) for name in names)
    if problem or not all(name.isprintable() for name in columns):
        raise NotASheet("The first line must name the columns, separated by commas.")
    if len({name for name in columns if name}) < sum(map(bool, columns)):
        raise NotASheet("Name each column once: the first line says the same of two.")
    return Sheet(header, columns, _lines(rows, columns, delimiter))


def _name(cell: str) -> str:
    return "_".join(cell.lower().replace("-", " ").split())


def _rows(file: File) -> Iterator[tuple[int, bytes]]:
    """Lines that are not blank, with their numbers; of one that is too long, the beginning."""
    number = 0
    while raw := file.readline(LONGEST + 1):
        number += 1
        rest = raw
        while len(rest) > 0 and not rest.endswith(b"\n"):
            rest = file.readline(LONGEST)
        if raw.strip(b" ,;\t\r\n"):
            yield number, raw


def _lines(
    rows: Iterable[tuple[int, bytes]], columns: tuple[str, ...], delimiter: str
) -> Iterator[Line]:
    for number, raw in rows:
        text = raw.decode("utf-8", errors="replace").rstrip("\r\n")
        if len(raw) > LONGEST:
            yield Line(number, (text[:80],), {}, f"Longer than {LONGEST} bytes; shorten it.")
            continue
        cells, problem = _cells(text, delimiter)
        if "\ufffd" in text:
            problem = "Not in UTF-8; save the file as CSV in UTF-8."
        elif len(cells) > len(columns):
            problem = f"{len(cells)} cells for {len(columns)} columns; quote one with commas."
        said = (plain(cell.strip()) for cell in cells)
        yield Line(number, cells, dict(zip(columns, said, strict=False)), problem)


def _cells(text: str, delimiter: str) -> tuple[tuple[str, ...], str]:
    try:
        return tuple(next(csv.reader([text], delimiter=delimiter, strict=True), ())), ""
    except csv.Error:
        return (text,), "A quote is not closed, or not doubled; write each row on one line."


def safe(cell: str) -> str:
    """The cell with a mark before it, if a spreadsheet might take it for a formula."""
    return _MARK + cell if cell.lstrip(" ").startswith(_FORMULA) else cell


def plain(cell: str) -> str:
    """The cell without the mark that `safe` sets, so that what was written can be read again."""
    bare = cell.removeprefix(_MARK)
    return bare if bare != cell and bare.lstrip(" ").startswith(_FORMULA) else cell


def write(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The rows as lines of CSV, every cell safe and in quotes, which hold in any locale."""
    line = io.StringIO()
    writer = csv.writer(line, quoting=csv.QUOTE_ALL)
    for row in rows:
        writer.writerow([safe(cell) for cell in row])
        yield line.getvalue()
        line.seek(0)
        line.truncate()


def refused(sheet: Sheet, lines: Iterable[Line]) -> Iterator[str]:
    """The lines as they were, each with its number and what is wrong, to be read again.

    Cells that a line has too many are in its last column.
    """
    kept = [place for place, name in enumerate(sheet.columns) if name not in SAID]
    yield from write([[*(sheet.header[place] for place in kept), *SAID]])
    for line in lines:
        cells = [*line.cells, *[""] * len(sheet.columns)]
        said = [plain(cells[place]) for place in kept]
        said[-1:] = [",".join([*said[-1:], *line.cells[len(sheet.columns) :]])]
        yield from write([[*said, str(line.number), line.problem]])
