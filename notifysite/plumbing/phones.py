"""Telephone numbers in one form: E.164, a plus and the digits with the country's in front."""

import re
from typing import Final

import phonenumbers
from phonenumbers import ValidationResult

LONGEST: Final = 60  # characters, with all the blanks and brackets people put in

_NUMBER = re.compile(r"\+[0-9 ().\-/]{3,40}")


class NoPhone(ValueError):
    """A text that is no telephone number; it says what to do, and does not repeat the text."""


def e164(text: str) -> str:
    """The number in E.164. Raises NoPhone."""
    if not text.startswith("+"):
        raise NoPhone("Must start with + and the country code: +491701234567.")
    if _NUMBER.fullmatch(text) is None:
        raise NoPhone("Must be + and digits only, such as +491701234567.")
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        raise NoPhone("Must be a number such as +491701234567.") from None
    # Those that are possible only within a town reach nobody from outside.
    if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        raise NoPhone("Has too many or too few digits for its country.")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
