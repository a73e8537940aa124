"""Quiet hours: reading them, and being right where clocks change."""

import functools
import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preferences.calendar import (
    DAYS,
    LONGEST_QUIET,
    UnknownZone,
    Week,
    WeekInvalid,
    Window,
    first_instant,
    last_instant,
    parse_week,
    quiet_until,
    week_json,
    zone,
)

BERLIN = zone("Europe/Berlin")
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


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def week(timezone: str | None = None, **days: str) -> Week:
    """week(monday="22:00-07:00 12:00-13:00")"""
    shape = {
        day: [dict(zip(("start", "end"), span.split("-"), strict=True)) for span in spans.split()]
        for day, spans in days.items()
    }
    return parse_week({"timezone": timezone, "days": shape})


def daily(spans: str) -> Week:
    return week(**dict.fromkeys(DAYS, spans))


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
    """The first UTC minute, and what a clock on the wall shows at each of six days' minutes."""
    first = middle - timedelta(days=3)
    place = ZoneInfo(name)
    minutes = range(6 * 24 * 60)
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
    "within the hour that changes": daily("01:10-01:40 02:10-02:50 03:05-03:20"),
    "start in it": daily("02:30-08:00 00:20-00:40"),
    "end in it": daily("20:00-02:30 00:10-00:30"),
    "around midnight": daily("23:30-00:15 12:00-13:00"),
    "touching at midnight": daily("21:00-24:00 00:00-01:30"),
}


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("name", ZONES)
def test_quiet_ends_where_walking_minute_by_minute_says(name, pattern):
    quiet, place = PATTERNS[pattern], zone(name)
    for change in changes(name):
        first, clock = walk(name, change)
        truth = quiet_minutes(clock, quiet)
        for i in range(2 * 1440 + 720, 4 * 1440, 15):
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
            local = clock[3 * 1440 + draw.randrange(-200, 200)] + draw.randrange(-90, 90) * MINUTE
            assert first_instant(local, zone(name)) == first + beginning(clock, local) * MINUTE
            assert last_instant(local, zone(name)) == first + ending(clock, local) * MINUTE


def test_a_window_is_quiet_from_its_start_up_to_but_not_at_its_end():
    quiet = week(monday="12:00-13:00")
    noon = at("2026-11-23T12:00+01:00")
    assert quiet_until(noon - MINUTE, BERLIN, quiet) is None
    assert quiet_until(noon, BERLIN, quiet) == noon + 60 * MINUTE
    assert quiet_until(noon + 60 * MINUTE, BERLIN, quiet) is None


def test_a_window_across_midnight_belongs_to_the_day_it_starts_on():
    quiet = week(monday="22:00-07:00")
    assert quiet_until(at("2026-11-24T06:59+01:00"), BERLIN, quiet) == at("2026-11-24T07:00+01:00")
    assert quiet_until(at("2026-11-23T06:59+01:00"), BERLIN, quiet) is None
    assert quiet_until(at("2026-11-24T22:30+01:00"), BERLIN, quiet) is None


def test_sunday_night_runs_into_monday():
    quiet = week(sunday="22:00-07:00")
    assert quiet_until(at("2026-11-23T03:00+01:00"), BERLIN, quiet) == at("2026-11-23T07:00+01:00")


def test_windows_that_touch_or_overlap_are_one_run_across_days():
    quiet = week(friday="20:00-24:00", saturday="00:00-24:00 10:00-12:00", sunday="00:00-09:30")
    assert quiet_until(at("2026-11-27T21:00+01:00"), BERLIN, quiet) == at("2026-11-29T09:30+01:00")


def test_the_same_start_and_end_is_the_whole_day_round():
    quiet = week(wednesday="09:00-09:00")
    assert quiet_until(at("2026-11-25T09:00+01:00"), BERLIN, quiet) == at("2026-11-26T09:00+01:00")


@pytest.mark.parametrize("spans", ["00:00-24:00", "00:00-00:00", "22:00-12:00 11:00-23:00"])
def test_a_week_that_is_quiet_throughout_is_asked_again_after_seven_days(spans):
    for now in (at("2026-03-28T12:34:56+00:00"), at("2026-11-25T00:00+00:00")):
        assert quiet_until(now, BERLIN, daily(spans)) == now + LONGEST_QUIET


def test_no_windows_are_never_quiet():
    assert quiet_until(at("2026-11-25T00:00+00:00"), BERLIN, Week()) is None


def test_seconds_within_a_quiet_minute_are_quiet_too():
    quiet = week(monday="12:00-13:00")
    assert quiet_until(at("2026-11-23T12:59:59.999+01:00"), BERLIN, quiet) == at(
        "2026-11-23T13:00+01:00"
    )


def test_an_end_that_clocks_skip_is_the_first_instant_after():
    quiet = week(sunday="01:00-02:30")
    assert quiet_until(at("2026-03-29T01:30+01:00"), BERLIN, quiet) == at("2026-03-29T03:00+02:00")


def test_an_end_that_clocks_show_twice_is_the_second_time():
    quiet = week(sunday="01:00-02:30")
    assert quiet_until(at("2026-10-25T01:30+02:00"), BERLIN, quiet) == at("2026-10-25T02:30+01:00")


def test_a_start_that_clocks_show_twice_is_the_first_time():
    quiet = week(sunday="02:30-08:00")
    assert quiet_until(at("2026-10-25T02:30+02:00"), BERLIN, quiet) == at("2026-10-25T08:00+01:00")


def test_the_answer_is_in_utc_whatever_zone_now_is_in():
    quiet = daily("22:00-07:00")
    now = datetime(2026, 11, 23, 23, tzinfo=BERLIN)
    until = quiet_until(now, BERLIN, quiet)
    assert until == quiet_until(now.astimezone(UTC), BERLIN, quiet)
    assert until.tzinfo is UTC


MINUTES = st.integers(0, 1439)
WINDOWS = st.builds(Window, MINUTES, MINUTES)
WEEKS = st.lists(st.lists(WINDOWS, max_size=3).map(tuple), min_size=7, max_size=7).map(
    lambda days: Week(tuple(days))
)
MOMENTS = st.datetimes(
    datetime(2026, 1, 1),  # noqa: DTZ001 - hypothesis wants bounds without a zone
    datetime(2029, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@given(MOMENTS, st.sampled_from(ZONES), WEEKS)
def test_a_hold_ends_in_the_future_within_a_week_and_at_a_loud_moment(now, name, quiet):
    until = quiet_until(now, zone(name), quiet)
    if until is None:
        return
    assert now < until <= now + LONGEST_QUIET
    if until < now + LONGEST_QUIET:
        assert quiet_until(until, zone(name), quiet) is None
        assert quiet_until(until - timedelta(microseconds=1), zone(name), quiet) == until


@given(WEEKS)
def test_a_week_reads_back_from_its_json(quiet):
    assert parse_week(week_json(quiet)) == quiet


def test_json_keeps_the_zone_and_leaves_out_days_without_windows():
    shape = {
        "timezone": "Asia/Kathmandu",
        "days": {"monday": [{"start": "22:00", "end": "07:00"}]},
    }
    assert week_json(parse_week(shape)) == shape


def test_an_end_at_24_is_midnight_and_written_so():
    shape = {"days": {"sunday": [{"start": "00:00", "end": "24:00"}]}}
    assert week_json(parse_week(shape))["days"] == {"sunday": [{"start": "00:00", "end": "00:00"}]}


@pytest.mark.parametrize(
    "value", [{}, {"days": None, "timezone": None}, {"days": {"monday": None}}]
)
def test_what_is_missing_is_no_quiet_hours(value):
    assert parse_week(value) == Week()


@pytest.mark.parametrize(
    ("value", "faults"),
    [
        (None, [("", "invalid_type")]),
        ([], [("", "invalid_type")]),
        ({"zone": "x"}, [("/zone", "unknown_field")]),
        ({"a/b~c": 1}, [("/a~1b~0c", "unknown_field")]),
        ({"timezone": "Mars/Olympus"}, [("/timezone", "unknown_timezone")]),
        ({"timezone": 1}, [("/timezone", "unknown_timezone")]),
        ({"days": []}, [("/days", "invalid_type")]),
        ({"days": {"Monday": []}}, [("/days/Monday", "unknown_field")]),
        ({"days": {"monday": {}}}, [("/days/monday", "invalid_type")]),
        ({"days": {"monday": [[]]}}, [("/days/monday/0", "invalid_type")]),
        (
            {"days": {"monday": [{"start": "22:00", "end": "25:00"}]}},
            [("/days/monday/0/end", "invalid_time")],
        ),
        (
            {"days": {"friday": [{"start": "22:00", "end": "23:00"}, {"start": "24:00"}]}},
            [("/days/friday/1/start", "invalid_time"), ("/days/friday/1/end", "required")],
        ),
        (
            {"days": {"monday": [{"start": "1:00", "end": "٠٧:٠٠", "on": True}]}},
            [
                ("/days/monday/0/on", "unknown_field"),
                ("/days/monday/0/start", "invalid_time"),
                ("/days/monday/0/end", "invalid_time"),
            ],
        ),
        (
            {"days": {"monday": [{"start": "01:00", "end": "02:00"}] * 25}},
            [("/days/monday", "too_many")],
        ),
    ],
)
def test_every_fault_is_named_by_where_it_stands(value, faults):
    with pytest.raises(WeekInvalid) as caught:
        parse_week(value)
    found = [(fault.pointer, fault.code) for fault in caught.value.faults]
    assert sorted(found) == sorted(faults)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Mars/Olympus",
        "europe/berlin",
        "../etc/passwd",
        "/etc/localtime",
        "America",
        "a\0b",
        "localtime",
        "Factory",
        "posixrules",
        "right/UTC",
    ],
)
def test_a_name_that_is_no_zone_is_said_to_be_none(name):
    with pytest.raises(UnknownZone, match="is not an IANA time zone"):
        zone(name)


def test_a_zone_is_read_once():
    assert zone("Europe/Berlin") is zone("Europe/Berlin")
