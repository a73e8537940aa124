"""Quiet hours against an oracle that walks minute by minute across every change of the clock."""

import functools
import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from preferences.calendar import Week, Window, first_instant, last_instant, quiet_until, zone

MINUTE = timedelta(minutes=1)

# Changes by an hour, by half of one and by two, at midnight and across it, north and south.
ZONES = (
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Havana",
    "America/New_York",
    "America/Nuuk",
    "America/Santiago",
    "America/St_Johns",
    "Antarctica/Troll",
    "Asia/Beirut",
    "Asia/Gaza",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Europe/Dublin",
    "Pacific/Chatham",
)


def daily(*windows: str) -> Week:
    """daily("22:00-07:00", "12:00-13:00")"""
    ends = [[int(t[:2]) * 60 + int(t[3:]) for t in window.split("-")] for window in windows]
    return Week(days=(tuple(Window(start, end) for start, end in ends),) * 7)


@functools.cache
def changes(name: str) -> tuple[datetime, ...]:
    """The hours within which the zone's offset changes, 2026 to 2028."""
    place, hour = ZoneInfo(name), datetime(2026, 1, 1, tzinfo=UTC)
    found = []
    while hour.year < 2029:
        following = hour + timedelta(hours=1)
        if hour.astimezone(place).utcoffset() != following.astimezone(place).utcoffset():
            found.append(hour)
        hour = following
    return tuple(found)


@functools.cache
def walk(name: str, middle: datetime) -> tuple[datetime, list[datetime]]:
    """The first UTC minute, and what a clock on the wall shows at each of four days' minutes."""
    first = middle - timedelta(days=2)
    place = ZoneInfo(name)
    minutes = range(4 * 24 * 60)
    return first, [(first + i * MINUTE).astimezone(place).replace(tzinfo=None) for i in minutes]


def beginning(clock: list[datetime], local: datetime) -> int:
    """The first minute at which the clock shows `local`, or else something later."""
    return next(i for i, wall in enumerate(clock) if wall >= local)


def ending(clock: list[datetime], local: datetime) -> int:
    """The last minute at which the clock shows `local`, or else the first with something later."""
    shown = [i for i, wall in enumerate(clock) if wall == local]
    return shown[-1] if shown else beginning(clock, local)


def quiet_minutes(clock: list[datetime], quiet: Week) -> list[bool]:
    """For each minute whether some window has begun and not ended."""
    answer = [False] * len(clock)
    day = clock[0].replace(hour=0, minute=0)
    while day <= clock[-1]:
        for window in quiet.days[day.weekday()]:
            start = day + window.start * MINUTE
            end = day + window.end * MINUTE
            end = end if end > start else end + timedelta(days=1)
            if clock[0] < start and end < clock[-1]:
                begins, ends = beginning(clock, start), ending(clock, end)
                answer[begins:ends] = [True] * max(ends - begins, 0)
        day += timedelta(days=1)
    return answer


PATTERNS = {
    "night": daily("22:00-07:00"),
    "within the hour that changes": daily("01:10-01:40", "02:10-02:50", "03:05-03:20"),
    "start in it": daily("02:30-08:00", "00:20-00:40"),
    "end in it": daily("20:00-02:30", "00:10-00:30"),
    "around midnight": daily("23:30-00:15", "12:00-13:00"),
    "touching at midnight": daily("21:00-00:00", "00:00-01:30"),
}


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("name", ZONES)
def test_quiet_ends_where_walking_minute_by_minute_says(name, pattern):
    quiet, place = PATTERNS[pattern], zone(name)
    for change in changes(name):
        first, clock = walk(name, change)
        truth = quiet_minutes(clock, quiet)
        for i in range(1440, 3 * 1440, 30):
            loud = truth.index(False, i)
            expected = None if loud == i else first + loud * MINUTE
            assert quiet_until(first + i * MINUTE, place, quiet) == expected, clock[i]


def test_the_walk_meets_changes_in_at_least_ten_zones():
    assert sum(len(changes(name)) >= 2 for name in ZONES) >= 10


@pytest.mark.parametrize("name", ZONES)
def test_instants_of_wall_times_are_what_walking_finds(name):
    draw = random.Random(name)
    for change in changes(name):
        first, clock = walk(name, change)
        for _ in range(40):
            local = clock[2 * 1440 + draw.randrange(-200, 200)] + draw.randrange(-90, 90) * MINUTE
            assert first_instant(local, zone(name)) == first + beginning(clock, local) * MINUTE
            assert last_instant(local, zone(name)) == first + ending(clock, local) * MINUTE
