"""The one text that answers a STOP, a START or a HELP."""

from collections.abc import Mapping
from typing import Final

from delivery.keywords import Meaning

_TEXTS: Final[Mapping[str, Mapping[Meaning, str]]] = {
    "en": {
        Meaning.STOP: "{name}: you will get no more text messages. Reply START to get them again.",
        Meaning.START: "{name}: you will get text messages again. Reply STOP to end them.",
        Meaning.HELP: "{name}: reply STOP to get no more text messages. Help: {help}",
    },
    "de": {
        Meaning.STOP: "{name}: Sie erhalten keine SMS mehr. Mit START erhalten Sie wieder welche.",
        Meaning.START: "{name}: Sie erhalten wieder SMS. Mit STOP melden Sie sich ab.",
        Meaning.HELP: "{name}: Mit STOP erhalten Sie keine SMS mehr. Hilfe: {help}",
    },
    "fr": {
        Meaning.STOP: "{name} : vous ne recevrez plus de SMS. Répondez START pour en recevoir.",
        Meaning.START: "{name} : vous recevrez de nouveau des SMS. Répondez STOP pour arrêter.",
        Meaning.HELP: "{name} : répondez STOP pour ne plus recevoir de SMS. Aide : {help}",
    },
}


def text(meaning: Meaning, *, language: str, brand: Mapping[str, str]) -> str:
    """What a person reads; `brand` is settings.BRAND."""
    ways = _TEXTS.get(language, _TEXTS["en"])
    return ways[meaning].format(name=brand["name"], help=brand["support"] or brand["url"])
