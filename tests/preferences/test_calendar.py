"""Quiet hours: reading them, and being right where clocks change."""

from datetime import UTC, datetime, timedelta

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
    parse_week,
    quiet_until,
    week_json,
    zone,
)

BERLIN = zone("Europe/Berlin")
MINUTE = timedelta(minutes=1)
ZONES = ("Europe/Berlin", "America/Havana", "America/Nuuk", "Australia/Lord_Howe", "Asia/Beirut")


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


def test_a_minute_of_sunday_before_saturdays_last_hour_comes_again_is_quiet():
    # Until 2011 Newfoundland's clocks went from 00:01 on Sunday back to 23:01 on Saturday.
    quiet = week(friday="23:30-23:30")
    sunday = at("2010-11-07T00:00:30-02:30")
    until = quiet_until(sunday, zone("America/St_Johns"), quiet)
    assert until == at("2010-11-06T23:30-03:30")


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
