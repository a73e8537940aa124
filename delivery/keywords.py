"""What people write back to an SMS: STOP, START and HELP, as the rules name them.

The English words to stop are those of 47 CFR 64.1200(a)(10); STOPALL, START, UNSTOP, YES, HELP and
INFO are those that US carriers ask for (CTIA Messaging Principles). Where a word could mean
something else in an ordinary answer it is left out.
"""

import enum
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Final


class Meaning(enum.StrEnum):
    """What somebody wants who writes one of the words."""

    STOP = "stop"
    START = "start"
    HELP = "help"


_Words = Mapping[Meaning, frozenset[str]]

# By language, small and without punctuation. A word that several languages have is English.
WORDS: Final[Mapping[str, _Words]] = {
    "en": {
        Meaning.STOP: frozenset(
            {
                "stop", "stopall", "stop all", "quit", "end", "revoke", "cancel", "optout",
                "opt out", "opt me out", "unsubscribe", "unsubscribe me", "please stop",
                "stop please",
            }
        ),
        Meaning.START: frozenset({"start", "unstop", "yes"}),
        Meaning.HELP: frozenset({"help", "info"}),
    },
    "de": {
        Meaning.STOP: frozenset(
            {"stopp", "abmelden", "abbestellen", "austragen", "bitte stopp", "bitte abmelden"}
        ),
        Meaning.START: frozenset({"anmelden"}),
        Meaning.HELP: frozenset({"hilfe"}),
    },
    "fr": {
        Meaning.STOP: frozenset(
            {"arret", "arrêt", "arreter", "arrêter", "desabonner", "désabonner"}
        ),
        Meaning.HELP: frozenset({"aide"}),
    },
}  # fmt: skip

_GAPS = re.compile(r"[\W_]+")  # whatever is no letter or digit
_LONGEST: Final = 60  # characters; nobody needs more around one word


def meaning(text: str) -> Meaning | None:
    """What a whole answer means; None where it says anything else."""
    return next((found for _, found in _understood(text)), None)


def language(text: str) -> str:
    """The language of the word it is; English where it is none."""
    return next((spoken for spoken, _ in _understood(text)), "en")


def _understood(text: str) -> Iterator[tuple[str, Meaning]]:
    said = _bare(text) if len(text) <= _LONGEST else ""
    for spoken, words in WORDS.items():
        for found, ways in words.items():
            if said in ways:
                yield spoken, found


def _bare(text: str) -> str:
    """Small, one blank between words, and nothing beside them but letters."""
    small = unicodedata.normalize("NFKC", text).casefold()
    first = next((place for place, each in enumerate(small) if each.isalnum()), 0)
    last = next((place for place, each in enumerate(reversed(small)) if each.isalnum()), 0)
    return _GAPS.sub(" ", small[first : len(small) - last])
