"""The `date` filter: ISO 8601 in, a fixed set of directives out, never the clock or the locale."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from liquid.exceptions import FilterArgumentError

_MONTHS = [
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
]  # fmt: skip
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_DIRECTIVE = re.compile(r"%(-?.?)", re.DOTALL)
_MAX_FORMAT = 100


def _hour12(at: datetime) -> int:
    return at.hour % 12 or 12


_NUMBERS: dict[str, tuple[int, Callable[[datetime], int]]] = {
    "Y": (4, lambda at: at.year),
    "y": (2, lambda at: at.year % 100),
    "m": (2, lambda at: at.month),
    "d": (2, lambda at: at.day),
    "e": (1, lambda at: at.day),
    "H": (2, lambda at: at.hour),
    "k": (1, lambda at: at.hour),
    "I": (2, _hour12),
    "l": (1, _hour12),
    "M": (2, lambda at: at.minute),
    "S": (2, lambda at: at.second),
    "j": (3, lambda at: at.timetuple().tm_yday),
    "u": (1, lambda at: at.isoweekday()),
    "V": (2, lambda at: at.isocalendar().week),
}
_WORDS: dict[str, Callable[[datetime], str]] = {
    "B": lambda at: _MONTHS[at.month - 1],
    "b": lambda at: _MONTHS[at.month - 1][:3],
    "A": lambda at: _DAYS[at.weekday()],
    "a": lambda at: _DAYS[at.weekday()][:3],
    "p": lambda at: "AM" if at.hour < 12 else "PM",
    "P": lambda at: "am" if at.hour < 12 else "pm",
    "Z": lambda at: at.tzname() or "",
    "z": lambda at: at.strftime("%z"),
    "F": lambda at: at.strftime("%Y-%m-%d"),
    "T": lambda at: at.strftime("%H:%M:%S"),
    "R": lambda at: at.strftime("%H:%M"),
    "%": lambda at: "%",
}


def date(value: object, form: object = "%Y-%m-%d", zone: object = "") -> str:
    """Write an ISO 8601 date or time, or Unix seconds, as `form` says, in an IANA `zone`."""
    if value in (None, ""):
        return ""
    text = str(form)
    if len(text) > _MAX_FORMAT:
        raise FilterArgumentError(f"a date format has at most {_MAX_FORMAT} characters", token=None)
    at = _moment(value, str(zone) if zone else "")
    return _DIRECTIVE.sub(lambda match: _written(match.group(1), at), text)


def _moment(value: object, zone: str) -> datetime:
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            at = datetime.fromtimestamp(value, UTC)
        else:
            at = datetime.fromisoformat(str(value).strip())
        if zone:
            at = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(ZoneInfo(zone))
    except (ValueError, OverflowError, OSError, ZoneInfoNotFoundError) as error:
        raise FilterArgumentError(
            "date needs a date such as 2026-11-22 or 2026-11-22T19:30:00Z"
            " and, if any, a time zone such as Europe/Paris",
            token=None,
        ) from error
    return at


def _written(directive: str, at: datetime) -> str:
    bare = directive.lstrip("-")
    if bare in _NUMBERS:
        width, number = _NUMBERS[bare]
        return str(number(at)) if directive != bare else f"{number(at):0{width}d}"
    if directive in _WORDS:
        return _WORDS[directive](at)
    raise FilterArgumentError(f"date does not know %{directive}", token=None)
