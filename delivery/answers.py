"""What a provider says, made to fit: an answer that cannot be written down is an answer lost, and
its message sent again."""

import re
from datetime import UTC, datetime
from typing import Any, Final

from delivery.backoff import DAY

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def text(said: Any) -> str:
    """A text without NUL and lone surrogates, which PostgreSQL has no place for."""
    return _UNSTORABLE.sub("\ufffd", said if isinstance(said, str) else str(said or ""))


# What is before or after has no day in UTC, in PostgreSQL or in Python: a date that was never set.
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(9000, 1, 1, tzinfo=UTC)


def moment(at: datetime) -> datetime:
    """An aware time, in UTC."""
    return min(max(at, _FIRST), _LAST).astimezone(UTC)


def seconds(took: float) -> float:
    """A time between none and a day."""
    # Written so that NaN, which compares false with everything, is no time at all.
    return min(took, DAY) if took > 0 else 0.0
