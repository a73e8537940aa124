"""What providers share that must fit into little: packed, and cut between letters."""

import unicodedata
from collections.abc import Mapping
from typing import Any

from notifysite.plumbing.compactjson import compact


def packed(parts: Mapping[str, Any]) -> bytes:
    """JSON without blanks, in UTF-8."""
    return compact(parts).encode(errors="replace")


def between_letters(text: str, end: int) -> int:
    """The last place up to `end` that does not part an accent or an emoji from its base."""
    joiner = "\u200d"
    while 0 < end < len(text) and (
        joiner in text[end - 1 : end + 1]
        or unicodedata.category(text[end]) in ("Mn", "Mc", "Me")
        or "\U0001f3fb" <= text[end] <= "\U0001f3ff"  # skin tones
    ):
        end -= 1
    return end
