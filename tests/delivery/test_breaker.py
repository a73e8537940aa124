"""When a provider is left alone, and for how long."""

import pytest

from delivery.breaker import LONGEST_SECONDS, Tally, period, why_open


def tally(tries: int = 0, failed: int = 0, account_errors: int = 0, *, in_a_row: int = 0) -> Tally:
    return Tally(tries=tries, failed=failed, in_a_row=in_a_row, account_errors=account_errors)


@pytest.mark.parametrize(
    "bad",
    [
        tally(20, 10),
        tally(1000, 500),
        tally(0, 0, account_errors=5),
        tally(6, 0, account_errors=6),
        tally(200, 20, in_a_row=20),
        tally(1, 1, in_a_row=20),
    ],
)
def test_half_of_twenty_or_twenty_in_a_row_or_five_account_errors_open_it(bad: Tally) -> None:
    assert why_open(bad, word="503") is not None


@pytest.mark.parametrize(
    "well",
    [
        tally(),
        tally(19, 19, in_a_row=19),
        tally(20, 9),
        tally(1000, 499),
        tally(8, 0, account_errors=4),
    ],
)
def test_less_does_not(well: Tally) -> None:
    assert why_open(well, word="503") is None


def test_the_reason_can_be_read() -> None:
    assert why_open(tally(30, 24), word="503") == "24 of 30 tries failed in 30 s (503)"
    assert why_open(tally(90, 20, in_a_row=20), word="") == "20 tries in a row failed"
    assert why_open(tally(5, 0, 5), word="") == "5 account errors in a row"


def test_a_recovery_is_noticed_after_a_quarter_of_the_outage() -> None:
    assert [period(age) for age in (0, 30, 120, 300, 900)] == [30, 30, 30, 75, 225]


def test_nobody_is_left_alone_for_longer_than_a_quarter_of_an_hour() -> None:
    assert period(86_400) == LONGEST_SECONDS
    assert period(0, at_least=10**9) == LONGEST_SECONDS


def test_what_the_provider_asked_for_is_kept() -> None:
    assert period(0, at_least=120) == 120
