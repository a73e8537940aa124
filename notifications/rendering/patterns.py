"""Which regular expressions can be let loose on a text without ever running away."""

import re
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any, Final

PATTERN_CHARS: Final = 256  # of the pattern, and of a text that meets one

_MOST_WAYS: Final = (PATTERN_CHARS + 1) ** 2  # two open repetitions, or many small choices
_REPEATS: Final = (_constants.MAX_REPEAT, _constants.MIN_REPEAT, _constants.POSSESSIVE_REPEAT)
_HARMLESS: Final = (
    _constants.LITERAL, _constants.NOT_LITERAL, _constants.IN, _constants.ANY, _constants.AT
)  # fmt: skip


def pattern_fault(pattern: str) -> str:
    """Return why a pattern cannot be used, "" when it can."""
    try:
        tree = _parser.parse(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return f"This is no regular expression: {error}."
    if len(pattern) <= PATTERN_CHARS and _tame(tree):
        return ""
    return (
        "This pattern could take for ever: at most two open repetitions (* + {n,}), nothing"
        " that varies inside a repetition, no look-around and no back-reference."
    )


class _WildError(Exception):
    """The pattern may backtrack for ever."""


def _tame(tree: Any) -> bool:
    try:
        return _ways(tree) <= _MOST_WAYS
    except _WildError:
        return False


def _ways(tree: Any) -> int:
    """Return how many ways a pattern may be tried from one place of a text."""
    total = 1
    for code, value in tree:
        if code in _REPEATS:
            least, most, below = value
            inner = _ways(below)
            if inner > 1 and most > 1:
                raise _WildError
            total *= inner * (min(int(most), PATTERN_CHARS) - min(int(least), PATTERN_CHARS) + 1)
        elif code is _constants.BRANCH:
            total *= sum(_ways(branch) for branch in value[1])
        elif code is _constants.SUBPATTERN:
            total *= _ways(value[-1])
        elif code not in _HARMLESS:
            raise _WildError
    return total
