"""One form for each telephone number, and a word about what is none."""

import pytest

from notifysite.plumbing.phones import NoPhone, e164


@pytest.mark.parametrize(
    "text", ["+491701234567", "+49 170 1234567", "+49 (0) 170/123-4567", "+49.170.1234567"]
)
def test_a_number_has_one_form(text: str) -> None:
    assert e164(text) == "+491701234567"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("01701234567", "Must start with + and the country code: +491701234567."),
        ("491701234567", "Must start with + and the country code: +491701234567."),
        ("Juniper", "Must start with + and the country code: +491701234567."),
        ("+49 170 CALL ME", "Must be + and digits only, such as +491701234567."),
        ("+999170123456", "Must be a number such as +491701234567."),
        ("+1415555", "Has too many or too few digits for its country."),
        ("+15550100", "Has too many or too few digits for its country."),  # within a town only
        ("+491701234567890123", "Has too many or too few digits for its country."),
    ],
)
def test_what_is_no_number_is_told_why_and_not_repeated(text: str, why: str) -> None:
    with pytest.raises(NoPhone) as caught:
        e164(text)
    assert str(caught.value) == why
