"""What a provider says, made to fit: an answer that cannot be written down is an answer lost, and
its message sent again."""

import re
from typing import Any

from delivery.backoff import DAY

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def text(said: Any) -> str:
    """A text without NUL and lone surrogates, which PostgreSQL has no place for."""
    return _UNSTORABLE.sub("\ufffd", said if isinstance(said, str) else str(said or ""))


def seconds(took: float) -> float:
    """A time between none and a day."""
    # Written so that NaN, which compares false with everything, is no time at all.
    return min(took, DAY) if took > 0 else 0.0
