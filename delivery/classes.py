"""Tables that say what a provider's answer means for a message.

Each protocol has its table beside its provider; this is how they are read, and the rows that all
that speak HTTP share.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Final

from delivery.lifecycle import EventKind, OutcomeKind

MOST_KNOWN: Final = 1_000  # answers a table remembers; a server has its dozen
TAKEN: Final = frozenset({OutcomeKind.ACCEPTED, OutcomeKind.DELIVERED})
# What settings may call an answer: what a failure means, never that it was none.
NAMES: Final[Mapping[str, OutcomeKind]] = {
    kind.name.lower(): kind for kind in OutcomeKind if kind not in TAKEN
}


@dataclass(frozen=True, slots=True)
class Row:
    """What answers mean that match one of `codes`; `source` says who says so.

    A code is one word or several, all of which the answer must have: `429`, `RCPT 550 5.7.1`. In a
    word of digits `x` stands for any digit, and between dots for any number: `4xx`, `5.1.x`.
    """

    kind: OutcomeKind
    codes: tuple[str, ...]
    source: str

    def matches(self, words: Collection[str]) -> bool:
        """Whether an answer of these words is meant."""
        return any(_matches(code, words) for code in self.codes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of which the first that matches holds; what none of them knows is `otherwise`."""

    rows: tuple[Row, ...]
    otherwise: OutcomeKind
    overrides: tuple[Row, ...] = ()
    _known: dict[tuple[str, ...], OutcomeKind] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def judge(self, *words: str) -> OutcomeKind:
        """What an answer means, told as its words: the code, and whatever else rows may name."""
        if (kind := self._known.get(words)) is None:
            kind = self._judged(words)
            if len(self._known) < MOST_KNOWN:
                self._known[words] = kind
        return kind

    def _judged(self, words: tuple[str, ...]) -> OutcomeKind:
        kind = _first(self.rows, words) or self.otherwise
        # What was taken is never sent again, whatever settings say.
        return kind if kind in TAKEN else _first(self.overrides, words) or kind

    def overridden(self, classes: Mapping[str, str]) -> "Table":
        """With rows of an installation's own before ours: code -> one of NAMES, the first that
        matches holds. Raises ValueError."""
        if not isinstance(classes, Mapping):
            raise ValueError("classes must be a mapping of codes")
        return replace(self, overrides=tuple(_row(*item) for item in classes.items()))


def _row(code: str, name: str) -> Row:
    if not isinstance(code, str) or not code.split():
        raise ValueError(f"classes: {code!r} must be a code, as a string")
    if name not in NAMES:
        raise ValueError(f"classes[{code!r}] is {name!r}; it must be one of {', '.join(NAMES)}")
    return Row(NAMES[name], (code,), "settings")


def _first(rows: Collection[Row], words: Collection[str]) -> OutcomeKind | None:
    return next((row.kind for row in rows if row.matches(words)), None)


def _matches(code: str, words: Collection[str]) -> bool:
    return all(any(_pattern(part).fullmatch(word) for word in words) for part in code.split())


@cache
def _pattern(word: str) -> re.Pattern[str]:
    if not _NUMERIC.fullmatch(word):
        return re.compile(re.escape(word))
    digits = r"\d+" if "." in word else r"\d"
    return re.compile(re.escape(word).replace("x", digits))


_NUMERIC = re.compile(r"\d[\dx.]*")

HTTP: Final = Table(
    rows=(
        Row(
            OutcomeKind.TRANSIENT,
            ("408", "425", "429"),
            "RFC 9110 section 15.5.9, RFC 8470 section 5.2, RFC 6585 section 4",
        ),
        Row(OutcomeKind.ACCOUNT, ("401", "402", "403"), "RFC 9110 sections 15.5.2 to 15.5.4"),
        # Who sends us elsewhere was asked at an address that we are configured with.
        Row(OutcomeKind.ACCOUNT, ("3xx",), "RFC 9110 section 15.4"),
        Row(OutcomeKind.REFUSED_MESSAGE, ("4xx",), "RFC 9110 section 15.5"),
        Row(OutcomeKind.TRANSIENT, ("5xx",), "RFC 9110 section 15.6"),
    ),
    # An answer that says "done" and cannot be read is a lost answer.
    otherwise=OutcomeKind.UNKNOWN,
)

# What the same answer means in a receipt: the message had been taken, and its provider gave up.
AFTERWARDS: Final[Mapping[OutcomeKind, EventKind]] = {
    OutcomeKind.TRANSIENT: EventKind.SOFT_BOUNCE,
    OutcomeKind.REFUSED_ADDRESS: EventKind.HARD_BOUNCE,
    OutcomeKind.REFUSED_MESSAGE: EventKind.REJECTED,
    OutcomeKind.ACCOUNT: EventKind.REJECTED,
    OutcomeKind.OPTED_OUT: EventKind.OPTED_OUT,
}
