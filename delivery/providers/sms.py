"""What providers share that carry SMS: who is the sender, and where receipts go."""

import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings

NO_SENDER: Final = "no_sender"  # the code of what could not even be handed over

_PREFIX: Final = re.compile(r"\+[1-9][0-9]{0,14}")
# A number, a short code, or up to eleven letters and digits as phones show them (GSM 03.38).
_SENDER: Final = re.compile(r"\+[1-9][0-9]{4,14}|[0-9]{3,8}|(?=.*[A-Za-z])[A-Za-z0-9 &+_-]{1,11}")


class Senders:
    """Who a message is from: by the country of the number it goes to, or in general.

    `by_prefix` is a mapping of prefixes of E.164 to senders, or such as `+49=Acme,+1=+15005550006`;
    the longest prefix that fits counts. `ids` are the provider's own names for senders. Raises
    ValueError for what is none.
    """

    def __init__(self, general: str, by_prefix: Mapping[str, str] | str, *, ids: str = r"\b\B"):
        pairs = _pairs(by_prefix) if isinstance(by_prefix, str) else dict(by_prefix)
        for prefix in pairs:
            if _PREFIX.fullmatch(prefix) is None:
                raise ValueError(f"senders: {prefix!r} is no prefix such as +49")
        for one in (*pairs.values(), *([general] if general else [])):
            if not (_SENDER.fullmatch(one) or re.fullmatch(ids, one)):
                raise ValueError(
                    f"{one!r} is no sender: write a number such as +15005550006, a short code, or "
                    "up to 11 letters and digits"
                )
        if not (general or pairs):
            raise ValueError("nobody is named that messages are from: set sender (…_FROM)")
        self._general = general
        self._by_prefix = pairs

    def of(self, number: str) -> str:
        """The sender for a number; empty where there is none."""
        for length in range(len(number), 1, -1):
            if found := self._by_prefix.get(number[:length]):
                return found
        return self._general


def _pairs(text: str) -> dict[str, str]:
    pairs = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        prefix, given, sender = item.partition("=")
        if not given:
            raise ValueError(f"senders: {item!r} must be such as +49=Acme")
        pairs[prefix.strip()] = sender.strip()
    return pairs


def one_of(answers: Sequence[str], given: str) -> str:
    """What is given, if it is among them. Raises ValueError."""
    if given not in answers:
        raise ValueError(f"answers must be one of {', '.join(answers)}")
    return given


def receipts_url(alias: str, reference: UUID | None = None) -> str:
    """Where the provider of an alias is to call back; empty where it could not.

    The reference in it names the delivery even before we noted the provider's own id.
    """
    base = str(settings.PUBLIC_URL).rstrip("/")
    if not base.startswith("https://"):
        return ""
    query = f"?{urlencode({'ref': str(reference)})}" if reference else ""
    return f"{base}/hooks/{alias}/{query}"
