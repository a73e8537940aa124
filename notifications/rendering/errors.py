"""What can be wrong with a template, said so that an editor can mend it.

RenderError                one message cannot be rendered
├── MissingVariable        a variable the template needs is not there (has `path`)
└── LimitExceeded          too much output, work or data
TemplateRejected           a source cannot be published (has `problems`)
"""

from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing an editor should know; line and column are 1-based, 0 where there is none."""

    level: Level
    where: str
    message: str
    line: int = 0
    column: int = 0
    pointer: str = ""


class RenderError(Exception):
    """This message cannot be rendered; `part` names the field, such as `subject`."""

    code = "render_failed"

    def __init__(self, message: str, *, part: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.part = part

    def __str__(self) -> str:
        return f"{self.part}: {self.message}" if self.part else self.message


class MissingVariable(RenderError):
    """The template asks for a variable that was not given."""

    code = "missing_variable"

    def __init__(self, path: str, *, part: str = "") -> None:
        super().__init__(f"The variable {path} is missing.", part=part)
        self.path = path


class LimitExceeded(RenderError):
    """The template asks for more output, work or data than one message may take."""

    code = "too_large"


class TemplateRejected(Exception):
    """The source cannot be published; `problems` says why, in the order of the source."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(f"{p.where}: {p.message}" for p in problems))
        self.problems = problems


class SourceError(Exception):
    """A Liquid source is malformed at `index` (0-based offset into it)."""

    def __init__(self, message: str, *, index: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.index = index


def problem_at(source: str, index: int, *, where: str, message: str, level: Level) -> Problem:
    """A problem with line, column and the line itself with a caret under the place."""
    index = max(0, min(index, len(source)))
    start = source.rfind("\n", 0, index) + 1
    end = source.find("\n", index)
    line = source[start : end if end >= 0 else len(source)]
    column = index - start
    window = max(0, column - 60)
    shown = line[window : window + 120].replace("\t", " ")
    return Problem(
        level=level,
        where=where,
        message=message,
        line=source.count("\n", 0, index) + 1,
        column=column + 1,
        pointer=f"{shown}\n{' ' * (column - window)}^",
    )
