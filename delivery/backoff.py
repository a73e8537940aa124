"""When to try again: full jitter, never earlier than the provider asked."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MINUTE = 60.0
HOUR = 60 * MINUTE
DAY = 24 * HOUR

LONGEST_WAIT = DAY  # a provider may not park a message for longer with Retry-After
# Time for a breaker that opens on this failure to be known to every process before the next try.
LEAST_PAUSE = 2.0
SCHEDULE_SPREAD = 0.1  # a fixed schedule is stretched by up to this share, so that rows part

_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How patient a kind of message is; all times in seconds.

    `floor` is the least space between two tries. `horizon` is the age at which trying ends.
    `retries` bounds the tries after the first. `schedule` replaces base and cap by fixed waits.
    """

    base: float
    cap: float
    horizon: float
    floor: float = 0.0
    retries: int | None = None
    schedule: tuple[float, ...] = ()


CRITICAL = Profile(base=10, cap=MINUTE, horizon=10 * MINUTE, floor=LEAST_PAUSE, retries=3)
DEFAULT = Profile(base=5, cap=30 * MINUTE, horizon=DAY, floor=LEAST_PAUSE)
BULK = Profile(base=MINUTE, cap=2 * HOUR, horizon=3 * DAY, floor=LEAST_PAUSE)

# A mail server that answers for other servers is asked as RFC 5321 section 4.5.4.1 wants it asked.
SMTP = Profile(base=30 * MINUTE, cap=4 * HOUR, horizon=5 * DAY, floor=30 * MINUTE)

_CALLBACKS = (5, 5 * MINUTE, 30 * MINUTE, *(h * HOUR for h in (2, 5, 10, 14, 20, 24)))
WEBHOOK = Profile(
    base=5,
    cap=DAY,
    horizon=4 * DAY,
    retries=len(_CALLBACKS),
    schedule=tuple(map(float, _CALLBACKS)),
)

# An account that refuses us (bad key, unpaid bill) is looked at steadily: people lose no tries.
ACCOUNT = Profile(base=30, cap=30, horizon=math.inf, floor=30)

# After a lost answer the provider's own report gets a minute to arrive before anything is repeated.
UNKNOWN = Profile(base=MINUTE, cap=30 * MINUTE, horizon=math.inf, floor=MINUTE)

# What a provider may ask for instead of its message's lane.
BY_NAME: Mapping[str, Profile] = {"smtp": SMTP, "webhook": WEBHOOK}
BY_LANE: Mapping[int, Profile] = {1: CRITICAL, 2: DEFAULT, 3: BULK}


def delay(profile: Profile, *, retry: int, luck: float, retry_after: float | None = None) -> float:
    """Seconds to wait before retry number `retry` (0 is the first), with `luck` in [0, 1).

    Full jitter over base·2ⁿ up to the cap, above the profile's floor, and never less than
    `retry_after`, which itself counts for at most 24 hours.
    """
    return max(_asked(retry_after), _own(profile, retry=retry, luck=luck))


def retry_after(value: str | None, *, now: datetime) -> float | None:
    """Seconds a Retry-After header asks for, at most 24 hours; None where it makes no sense.

    Takes seconds or any HTTP-date of RFC 9110 section 5.6.7; a date gone by asks for no wait.
    """
    if value is None:
        return None
    text = value.strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), LONGEST_WAIT)
    moment = http_date(text)
    if moment is None:
        return None
    return min(max((moment - now).total_seconds(), 0.0), LONGEST_WAIT)


def http_date(text: str) -> datetime | None:
    """A moment as HTTP writes it (RFC 9110 section 5.6.7); None where it makes no sense."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _own(profile: Profile, *, retry: int, luck: float) -> float:
    if profile.schedule:
        step = profile.schedule[min(retry, len(profile.schedule) - 1)]
        return step * (1 + SCHEDULE_SPREAD * luck)
    # The exponent is bounded because a float overflows where the cap has long since won.
    widest = min(profile.cap, profile.base * 2.0 ** min(retry, 64))
    return profile.floor + luck * widest


def _asked(seconds: float | None) -> float:
    # Written so that NaN, which compares false with everything, asks for nothing.
    if seconds is None or not seconds > 0:
        return 0.0
    return min(seconds, LONGEST_WAIT)
