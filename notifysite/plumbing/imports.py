"""Rows of a sheet, taken in by batches: what cannot be taken is told, and sinks nothing else."""

from collections.abc import Callable, Collection, Hashable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeVar

from notifysite.plumbing import sheets
from notifysite.plumbing.sheets import Line, Sheet

BATCH = 500
MOST_KEPT = 10_000  # refused lines that are handed back

R = TypeVar("R")


class Unfit(ValueError):
    """A row that cannot be taken; the text says what to do, and holds nothing of the row."""


@dataclass(slots=True)
class Outcome:
    """What came of a sheet. `set`: rows that changed something; `known`: that held already;
    `refused`: the first of those that were not taken, of `refusals` in all; `unread`: columns that
    were left aside."""

    sheet: Sheet
    unread: tuple[str, ...]
    set: int = 0
    known: int = 0
    refusals: int = 0
    refused: list[Line] = field(default_factory=list)

    def refuse(self, line: Line, problem: str) -> None:
        """Note a line that is not taken."""
        self.refusals += 1
        if len(self.refused) < MOST_KEPT:
            self.refused.append(replace(line, problem=problem))

    def refused_csv(self) -> Iterator[str]:
        """The refused lines, to be put right and taken in again."""
        return sheets.refused(self.sheet, self.refused)


def take(
    sheet: Sheet,
    *,
    columns: Collection[str],
    read: Callable[[Line], R],
    key: Callable[[R], Hashable],
    write: Callable[[list[R]], int],
) -> Outcome:
    """Take in all rows there are.

    `columns` are those that are read. `read` makes a row of a line or raises Unfit; `write` writes
    some, no two with one `key`, in a transaction of its own, and returns how many it changed.
    """
    unread = (name for name in sheet.columns if name and name not in columns)
    outcome = Outcome(sheet, tuple(name for name in unread if name not in sheets.SAID))
    for batch in _batches(sheet, read, key, outcome):
        changed = write(batch)
        outcome.set += changed
        outcome.known += len(batch) - changed
    return outcome


def _batches(
    sheet: Sheet, read: Callable[[Line], R], key: Callable[[R], Hashable], outcome: Outcome
) -> Iterator[list[R]]:
    batch: dict[Hashable, R] = {}
    for line in sheet.lines:
        try:
            row = _row(line, read)
        except Unfit as problem:
            outcome.refuse(line, str(problem))
            continue
        if len(batch) == BATCH or key(row) in batch:
            yield list(batch.values())
            batch = {}
        batch[key(row)] = row
    if batch:
        yield list(batch.values())


def _row(line: Line, read: Callable[[Line], R]) -> R:
    if line.problem:
        raise Unfit(line.problem)
    return read(line)
