"""Waiting times: jitter, Retry-After, and how patient each lane is."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery import backoff
from delivery.backoff import BULK, CRITICAL, DEFAULT, SMTP, WEBHOOK, delay, retry_after

NOW = datetime(1994, 11, 6, 8, 49, 0, tzinfo=UTC)
PROFILES = (
    CRITICAL,
    DEFAULT,
    BULK,
    SMTP,
    WEBHOOK,
    backoff.ACCOUNT,
    backoff.UNKNOWN,
)
LUCK = st.floats(min_value=0, max_value=1, exclude_max=True)


@pytest.mark.parametrize(
    ("retry", "most"), [(0, 5), (1, 10), (2, 20), (3, 40), (8, 1280), (9, 1800), (50, 1800)]
)
def test_the_widest_wait_doubles_up_to_the_cap(retry, most):
    assert delay(DEFAULT, retry=retry, luck=0) == backoff.LEAST_PAUSE
    assert delay(DEFAULT, retry=retry, luck=0.5) == backoff.LEAST_PAUSE + most / 2


@given(st.sampled_from(PROFILES), st.integers(0, 10**6), LUCK)
def test_a_wait_stays_between_floor_and_floor_plus_cap(profile, retry, luck):
    wait = delay(profile, retry=retry, luck=luck)
    assert profile.floor <= wait <= profile.floor + profile.cap * (1 + backoff.SCHEDULE_SPREAD)


@given(st.sampled_from(PROFILES), st.integers(0, 20), LUCK, st.floats(0, 10**9))
def test_no_wait_is_shorter_than_asked_and_nobody_asks_for_more_than_a_day(
    profile, retry, luck, asked
):
    wait = delay(profile, retry=retry, luck=luck, retry_after=asked)
    assert wait == max(delay(profile, retry=retry, luck=luck), min(asked, 86_400))


@pytest.mark.parametrize("asked", [None, 0, -5.0, math.nan])
def test_asking_for_nothing_sensible_leaves_the_jitter(asked):
    assert delay(DEFAULT, retry=2, luck=0.25, retry_after=asked) == 7


def test_mail_servers_are_left_alone_for_half_an_hour():
    assert delay(SMTP, retry=0, luck=0) == 1800
    assert delay(SMTP, retry=0, luck=0.5) == 2700


def test_callbacks_follow_their_schedule_stretched_by_a_tenth_at_most():
    waits = [delay(WEBHOOK, retry=retry, luck=0) for retry in range(9)]
    assert waits == [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]
    assert delay(WEBHOOK, retry=1, luck=0.5) == 315
    assert WEBHOOK.retries == len(waits)
    assert sum(waits) * 1.1 < WEBHOOK.horizon


def test_each_lane_has_its_patience():
    assert backoff.BY_LANE == {1: CRITICAL, 2: DEFAULT, 3: BULK}
    assert [(p.base, p.cap, p.horizon) for p in (DEFAULT, BULK)] == [
        (5, 1800, 86_400),
        (60, 7200, 259_200),
    ]
    assert CRITICAL.retries == 3
    assert CRITICAL.horizon <= 600


@pytest.mark.parametrize(
    "value",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "37",
        " 37 ",
        "37.0",
    ],
)
def test_retry_after_reads_seconds_and_all_three_kinds_of_date(value):
    assert retry_after(value, now=NOW) == 37


def test_a_date_gone_by_asks_for_no_wait():
    assert retry_after("Sun, 06 Nov 1994 08:48:00 GMT", now=NOW) == 0


@pytest.mark.parametrize("value", ["1000000000", "9" * 400, "Mon, 06 Nov 2034 08:49:37 GMT"])
def test_no_header_parks_a_message_for_more_than_a_day(value):
    assert retry_after(value, now=NOW) == 86_400


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "soon",
        "-1",
        "1e3",
        "٣",
        "NaN",
        "inf",
        "0x10",
        "1 2",
        "Sun, 99 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 99999 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 +9999999999",
    ],
)
def test_garbage_in_retry_after_is_ignored(value):
    assert retry_after(value, now=NOW) is None


@given(st.text(max_size=40))
def test_no_header_breaks_the_reader(value):
    seconds = retry_after(value, now=NOW)
    assert seconds is None or 0 <= seconds <= 86_400


@given(st.integers(0, 86_400))
def test_a_date_reads_back_as_the_seconds_until_then(seconds):
    moment = NOW + timedelta(seconds=seconds)
    assert retry_after(moment.strftime("%a, %d %b %Y %H:%M:%S GMT"), now=NOW) == seconds
