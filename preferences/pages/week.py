"""Quiet hours as fields: none, the same for every day, or each day by itself."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from preferences import calendar
from preferences.calendar import DAYS, Week

MODE = "quiet"
NONE, SAME, EACH = "none", "same", "days"
_EVERY = "every"

Values = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Line:
    """One window: a day's name, its two fields, and what is wrong with it."""

    day: str
    name: str
    start: str
    end: str
    error: str


def at_first(week: Week) -> dict[str, list[str]]:
    """The fields of a week as it is kept; a day has room for all its windows, at least for one."""
    said = calendar.week_json(week)["days"]
    same = len(said) == len(DAYS) and all(
        windows == said["monday"] and len(windows) == 1 for windows in said.values()
    )
    values = {MODE: [SAME if same else EACH if said else NONE]}
    values |= _fields(_EVERY, 0, said["monday"][0] if same else {})
    for day in DAYS:
        for index, window in enumerate(said.get(day) or [{}]):
            values |= _fields(day, index, window)
    return values


def owns(name: str) -> bool:
    """Whether a field belongs to the quiet hours."""
    return name == MODE or name.partition(":")[0] in {_EVERY, *DAYS}


def body(values: Values, *, zone: str | None) -> dict[str, Any] | None:
    """The week that was filled in, as the API takes it; `zone` is the one it was meant in."""
    mode = _text(values, MODE)
    if mode == SAME:
        window = next(_windows(values, _EVERY), None)
        days = {day: [window[1]] for day in DAYS} if window else {}
    elif mode == EACH:
        days = {day: [window for _name, window in _windows(values, day)] for day in DAYS}
    else:
        days = {}
    days = {day: windows for day, windows in days.items() if windows}
    return {"timezone": zone, "days": days} if days else None


def field(path: Sequence[str], values: Values) -> str:
    """The line that a fault of the API's shape is about: [days, monday, 0, start]."""
    if len(path) < 3 or path[0] != "days":
        return MODE
    if _text(values, MODE) == SAME:
        return f"{_EVERY}:0"
    filled = [name for name, _window in _windows(values, path[1])]
    return filled[int(path[2])]


def lines(values: Values, errors: Mapping[str, str]) -> tuple[Line, list[Line]]:
    """The line for every day, and those of each day."""
    names = _names()
    (every,) = _lines(values, errors, _EVERY, _("Every day"))
    return every, [line for day in DAYS for line in _lines(values, errors, day, names[day])]


def _lines(values: Values, errors: Mapping[str, str], day: str, label: str) -> Iterator[Line]:
    for index, name in enumerate(_rows(values, day)):
        start, end = _text(values, f"{name}:start"), _text(values, f"{name}:end")
        yield Line("" if index else label, name, start, end, errors.get(name, ""))


def _rows(values: Values, day: str) -> list[str]:
    count = sum(name.startswith(f"{day}:") and name.endswith(":start") for name in values)
    return [f"{day}:{index}" for index in range(max(1, count))]


def _windows(values: Values, day: str) -> Iterator[tuple[str, dict[str, str]]]:
    """What was filled in for a day: the line's name, and its window; half a window too."""
    for name in _rows(values, day):
        times = {edge: _text(values, f"{name}:{edge}") for edge in ("start", "end")}
        if any(times.values()):
            yield name, {edge: time for edge, time in times.items() if time}


def _fields(day: str, index: int, window: Mapping[str, str]) -> dict[str, list[str]]:
    return {f"{day}:{index}:{edge}": [window.get(edge, "")] for edge in ("start", "end")}


def _text(values: Values, name: str) -> str:
    return next(iter(values.get(name, ())), "")


def _names() -> dict[str, str]:
    return dict(
        zip(
            DAYS,
            (
                _("Monday"),
                _("Tuesday"),
                _("Wednesday"),
                _("Thursday"),
                _("Friday"),
                _("Saturday"),
                _("Sunday"),
            ),
            strict=True,
        )
    )
