"""Quiet hours in a person's own time zone, right across changes of the clock."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MOST_WINDOWS = 24  # a day; more is a mistake or an attack
LONGEST_QUIET = timedelta(days=7)

_DAY = timedelta(days=1)
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00")
_NOWHERE = frozenset({"Factory", "localtime"})  # in the database, but no place on Earth


class UnknownZone(ValueError):
    """No such IANA time zone."""


@dataclass(frozen=True, slots=True)
class WeekFault:
    """One thing wrong with a week as it was given; `pointer` is a JSON pointer (RFC 6901)."""

    pointer: str
    code: str
    detail: str


class WeekInvalid(ValueError):
    """Quiet hours that cannot be read, with everything that is wrong with them."""

    def __init__(self, faults: tuple[WeekFault, ...]) -> None:
        super().__init__("; ".join(f"{fault.pointer}: {fault.detail}" for fault in faults))
        self.faults = faults


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """[start, end) in minutes after midnight, wall time.

    An end at or before the start lies on the next day: 22:00-07:00 crosses midnight, 00:00-00:00
    is the whole day.
    """

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Week:
    """A person's quiet hours: windows by the weekday they start on, Monday first.

    `timezone` is None where the person's own zone is meant.
    """

    days: tuple[tuple[Window, ...], ...] = ((),) * 7
    timezone: str | None = None


NEVER = Week()


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The time zone of an IANA name. Raises UnknownZone."""
    # Looked up in the list first: ZoneInfo would open a file by whatever name it is given.
    if name not in _zones():
        raise UnknownZone(f"{name!r} is not an IANA time zone")
    return ZoneInfo(name)


def quiet_until(now: datetime, zone: ZoneInfo, week: Week) -> datetime | None:
    """The UTC end of the quiet run `now` (aware) lies in, or None where it is not quiet.

    A start that clocks show twice counts the first time and an end the last time: where clocks
    change it is quiet for longer, never shorter. Windows that overlap or touch are one run, across
    days. Never later than seven days from now: a week that is quiet throughout has no end, so
    whoever holds a message asks again then.
    """
    if week is NEVER:  # as nearly everybody has it
        return None
    end = now
    for start, stop in _runs(now, zone, week):
        if start > end:
            break
        end = max(end, stop)
    return None if end == now else min(end, now + LONGEST_QUIET).astimezone(UTC)


@lru_cache(maxsize=4096)  # a batch of people shares days, zones and round hours
def first_instant(local: datetime, zone: ZoneInfo) -> datetime:
    """The first UTC instant at which clocks in `zone` show `local` (naive) or later.

    A time that occurs twice means its first occurrence; one that is skipped, the first valid
    instant after it.
    """
    early = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    late = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    # In a gap fold 0 reads the old offset and lands after the change, fold 1 before it (PEP 495).
    return early if early <= late else _change_between(late, early, zone=zone)


@lru_cache(maxsize=4096)
def last_instant(local: datetime, zone: ZoneInfo) -> datetime:
    """As `first_instant`, but a time that occurs twice means its last occurrence."""
    early = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    late = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return late if early <= late else _change_between(late, early, zone=zone)


def parse_week(value: Any) -> Week:
    """Read `{timezone, days: {monday: [{start: "22:00", end: "07:00"}]}}`.

    Both members may be missing or null; an end of "24:00" is read as "00:00". Raises WeekInvalid,
    which names every fault by its JSON pointer.
    """
    faults: list[WeekFault] = []
    members = _members(value, "", known=("timezone", "days"), faults=faults)
    timezone = _read_timezone(members.get("timezone"), faults)
    by_day = members.get("days")
    by_day = {} if by_day is None else _members(by_day, "/days", known=DAYS, faults=faults)
    days = tuple(tuple(_read_day(by_day.get(day), f"/days/{day}", faults=faults)) for day in DAYS)
    if faults:
        raise WeekInvalid(tuple(faults))
    return Week(days=days, timezone=timezone)


@lru_cache(maxsize=512)
def kept_week(text: str) -> Week:
    """A week as it is kept, JSON; most people's is that of others too. Raises WeekInvalid."""
    return parse_week(json.loads(text))


def week_json(week: Week) -> dict[str, Any]:
    """The API shape of a week; days without windows are left out."""
    return {
        "timezone": week.timezone,
        "days": {
            day: [{"start": _clock(w.start), "end": _clock(w.end)} for w in windows]
            for day, windows in zip(DAYS, week.days, strict=True)
            if windows
        },
    }


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones()) - _NOWHERE


def _runs(now: datetime, zone: ZoneInfo, week: Week) -> Iterator[tuple[datetime, datetime]]:
    """Windows that end after `now` as UTC spans, by start."""
    if not any(week.days):
        return
    midnight = now.astimezone(zone).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
    # Two days back: clocks that go back across midnight bring yesterday's last hour once more.
    for offset in range(-2, LONGEST_QUIET.days + 2):
        day = midnight + timedelta(days=offset)
        for window in sorted(week.days[day.weekday()]):
            start, end = timedelta(minutes=window.start), timedelta(minutes=window.end)
            stop = last_instant(day + (end if end > start else end + _DAY), zone)
            if stop > now:
                yield first_instant(day + start, zone), stop


def _change_between(before: datetime, after: datetime, *, zone: ZoneInfo) -> datetime:
    """The UTC second in (before, after] at which the zone's clocks jump forward."""
    new = after.astimezone(zone).utcoffset()
    low, high = 0, int((after - before).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        jumped = (before + timedelta(seconds=middle)).astimezone(zone).utcoffset() == new
        low, high = (low, middle) if jumped else (middle, high)
    return before + timedelta(seconds=high)


def _members(
    value: Any, pointer: str, *, known: tuple[str, ...], faults: list[WeekFault]
) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        faults.append(WeekFault(pointer, "invalid_type", "Must be an object."))
        return {}
    for name in value:
        if name not in known:
            escaped = str(name).replace("~", "~0").replace("/", "~1")
            detail = f"Unknown; there are: {', '.join(known)}."
            faults.append(WeekFault(f"{pointer}/{escaped}", "unknown_field", detail))
    return value


def _read_timezone(value: Any, faults: list[WeekFault]) -> str | None:
    if value is None:
        return None
    if isinstance(value, str) and value in _zones():
        return value
    detail = "Must be an IANA time zone, such as Europe/Berlin."
    faults.append(WeekFault("/timezone", "unknown_timezone", detail))
    return None


def _read_day(value: Any, pointer: str, *, faults: list[WeekFault]) -> Iterator[Window]:
    if value is None:
        return
    if not isinstance(value, list):
        faults.append(WeekFault(pointer, "invalid_type", "Must be a list of windows."))
        return
    if len(value) > MOST_WINDOWS:
        detail = f"At most {MOST_WINDOWS} windows a day."
        faults.append(WeekFault(pointer, "too_many", detail))
        return
    for index, item in enumerate(value):
        here = f"{pointer}/{index}"
        if isinstance(item, dict):
            yield _read_window(item, here, faults=faults)
        else:
            faults.append(WeekFault(here, "invalid_type", "Must be an object."))


def _read_window(value: dict[str, Any], pointer: str, *, faults: list[WeekFault]) -> Window:
    window = _members(value, pointer, known=("start", "end"), faults=faults)
    start = _read_time(window, "start", pointer=pointer, faults=faults)
    return Window(start, _read_time(window, "end", pointer=pointer, faults=faults))


def _read_time(
    window: Mapping[str, Any], name: str, *, pointer: str, faults: list[WeekFault]
) -> int:
    value = window.get(name)
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None or (name == "start" and value == "24:00"):
        code = "required" if value is None else "invalid_time"
        faults.append(WeekFault(f"{pointer}/{name}", code, 'Must be a time such as "22:00".'))
        return 0
    hours, minutes = match.groups(default="0")  # 24:00 has no groups: it is the next midnight
    return int(hours) * 60 + int(minutes)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
