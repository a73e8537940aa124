"""What all that carry SMS share: who is the sender, where receipts go."""

import pytest

from delivery.providers.sms import Senders, receipts_url
from notifysite.plumbing.ids import uuid7

BY_COUNTRY = "+49=Acme, +1=+15005550006,+1242=12345"


@pytest.mark.parametrize(
    ("number", "sender"),
    [
        ("+491701234567", "Acme"),
        ("+14155550100", "+15005550006"),
        ("+12425550100", "12345"),
        ("+447700900123", "General"),
    ],
)
def test_the_longest_prefix_says_who_the_sender_is(number: str, sender: str) -> None:
    assert Senders("General", BY_COUNTRY).of(number) == sender


def test_without_a_general_sender_some_countries_have_none() -> None:
    assert Senders("", {"+49": "Acme"}).of("+447700900123") == ""


@pytest.mark.parametrize(
    ("general", "by_prefix", "why"),
    [
        ("", "", "nobody is named"),
        ("Acme & Daughters", "", "is no sender"),
        ("1", "", "is no sender"),
        ("", "49=Acme", "is no prefix such as"),
        ("", "+49", "must be such as"),
        ("", "+49=", "is no sender"),
        ("", {"Germany": "Acme"}, "is no prefix such as"),
    ],
)
def test_what_is_no_sender_is_told(general, by_prefix, why) -> None:
    with pytest.raises(ValueError, match=why):
        Senders(general, by_prefix)


def test_receipts_are_asked_for_where_a_provider_could_call(settings) -> None:
    reference = uuid7()
    assert receipts_url("twilio", reference) == ""  # http://testserver
    settings.PUBLIC_URL = "https://notify.example.com/"
    wanted = f"https://notify.example.com/hooks/twilio/?ref={reference}"
    assert receipts_url("twilio", reference) == wanted
    assert receipts_url("twilio") == "https://notify.example.com/hooks/twilio/"
