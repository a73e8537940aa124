"""How many SMS a text takes: GSM-7 where all of it can be written so, else UCS-2.

Numbers and alphabet are those of 3GPP TS 23.038 section 6 and TS 23.040 section 9.2.3.24.1.
"""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

MOST: Final = 10  # segments of one message: more are a mistake, and dear

_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED: Final = frozenset("\f^{}\\[~]|€")  # an escape and one more unit
_GSM_7: Final = _BASIC | _EXTENDED


class Encoding(StrEnum):
    """How a text is written in an SMS."""

    GSM_7 = "GSM-7"
    UCS_2 = "UCS-2"


# Units of the only segment, and of each of several, whose header takes up room.
_ROOM: Final = {Encoding.GSM_7: (160, 153), Encoding.UCS_2: (70, 67)}


@dataclass(frozen=True, slots=True)
class Segments:
    """What a text takes. `units` are septets of GSM-7 or UTF-16 code units of UCS-2."""

    encoding: Encoding
    units: int
    segments: int


def count(text: str) -> Segments:
    """The segments of a text; none for an empty one."""
    if _GSM_7.issuperset(text):
        return _counted(Encoding.GSM_7, [2 if each in _EXTENDED else 1 for each in text])
    return _counted(Encoding.UCS_2, [2 if each > "\uffff" else 1 for each in text])


def forcing(text: str) -> list[str]:
    """The characters that keep a text from GSM-7, each once, in the order of the text."""
    return [each for each in dict.fromkeys(text) if each not in _GSM_7]


def told(text: str) -> dict[str, Any]:
    """All there is to say of a text, as the API says it."""
    return {"characters": len(text), **asdict(count(text)), "forcing": forcing(text)}


def _counted(encoding: Encoding, widths: list[int]) -> Segments:
    alone, of_several = _ROOM[encoding]
    units = sum(widths)
    if units <= alone:
        return Segments(encoding, units, min(units, 1))
    segments, left = 1, of_several
    for width in widths:
        if width > left:  # neither an escape nor a surrogate is parted from what follows it
            segments, left = segments + 1, of_several
        left -= width
    return Segments(encoding, units, segments)
