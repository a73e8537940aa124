"""When a provider is given no more messages for a while, and when it is tried again."""

from dataclasses import dataclass

WINDOW_SECONDS = 30
LEAST_TRIES = 20
UNBROKEN = 20  # failures with nothing between them that went through, however slowly they came
MOST_FAILED = 0.5  # of the tries in the window
ACCOUNT_ERRORS = 5  # in a row: a wrong key or an unpaid bill mends itself for nobody

SHORTEST_SECONDS = 30.0
LONGEST_SECONDS = 15 * 60.0
# A recovery is noticed after a quarter of what the outage lasted, at the latest.
SHARE_OF_OUTAGE = 1 / 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What a provider answered lately on one channel.

    `tries` and `failed` count the window; a lost answer is a failure too. `in_a_row` of them, and
    `account_errors`, have come since anything last went through.
    """

    tries: int
    failed: int
    in_a_row: int
    account_errors: int


def why_open(tally: Tally, *, word: str) -> str | None:
    """Why this provider should be left alone, None while it should not; `word` is what it said."""
    said = f" ({word})" if word else ""
    if tally.account_errors >= ACCOUNT_ERRORS:
        return f"{tally.account_errors} account errors in a row{said}"
    if tally.tries >= LEAST_TRIES and tally.failed >= MOST_FAILED * tally.tries:
        return f"{tally.failed} of {tally.tries} tries failed in {WINDOW_SECONDS} s{said}"
    if tally.in_a_row >= UNBROKEN:
        return f"{tally.in_a_row} tries in a row failed{said}"
    return None


def period(open_since: float, *, at_least: float = 0.0) -> float:
    """Seconds until the next probe, `open_since` seconds after the first failure.

    `at_least` is what the provider itself asked for; nobody is left alone for over 15 minutes.
    """
    wanted = max(SHORTEST_SECONDS, open_since * SHARE_OF_OUTAGE, at_least)
    return min(wanted, LONGEST_SECONDS)
