"""Links open what they were made for, say nothing about a person, and cannot be made by others."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifysite.plumbing.crypto import generate_master_key
from preferences import links
from preferences.links import (
    CentreLink,
    DeliveryLink,
    LinkExpired,
    LinkInvalid,
    UnsubscribeLink,
)

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
ANN = UUID("11111111-2222-4333-8444-555555555555")
BOB = UUID("99999999-2222-4333-8444-555555555555")
DELIVERY = UUID("0193e9a0-0000-7000-8000-000000000001")


def token(url: str, page: str) -> str:
    start = f"http://testserver/{page}/"
    assert url.startswith(start)
    assert url.endswith("/")
    return url.removeprefix(start).removesuffix("/")


def every_token() -> dict[str, str]:
    return {
        "choices": token(links.preferences_url(ANN), "preferences"),
        "full": token(links.full_preferences_url(ANN, now=NOW), "preferences"),
        "unsubscribe": token(links.unsubscribe_url(ANN, "news", DELIVERY), "u"),
        "view": token(links.view_url(ANN, DELIVERY), "view"),
        "why": token(links.why_url(ANN, DELIVERY), "why"),
    }


def read(token: str) -> set[Any]:
    """All that a token opens."""
    opened = set()
    for reader in (
        lambda token: links.read_preferences(token, now=NOW),
        links.read_unsubscribe,
        links.read_view,
        links.read_why,
    ):
        try:
            opened.add(reader(token))
        except LinkInvalid:
            continue
    return opened


def test_each_link_opens_what_it_was_made_for_and_nothing_else():
    tokens = every_token()

    assert read(tokens["choices"]) == {CentreLink(ANN, full=False)}
    assert read(tokens["full"]) == {CentreLink(ANN, full=True)}
    assert read(tokens["unsubscribe"]) == {UnsubscribeLink(ANN, "news", DELIVERY)}
    assert read(tokens["view"]) == {DeliveryLink(ANN, DELIVERY)}
    assert read(tokens["why"]) == {DeliveryLink(ANN, DELIVERY)}
    assert len(set(tokens.values())) == len(tokens)


def test_the_same_message_has_the_same_links():
    assert every_token() == every_token()


def test_a_link_stays_what_it_is_across_releases():
    assert links.of_message(ANN, "news", DELIVERY, only={"preferences", "unsubscribe"}) == {
        "preferences": (
            "http://testserver/preferences/AQERERERIiJDM4REVVVVVVVV0rswiAEOoAvGR-Vt0ykhTw/"
        ),
        "unsubscribe": (
            "http://testserver/u/"
            "AQMRERERIiJDM4REVVVVVVVVAZPpoAAAcACAAAAAAAAAAW5ld3M-XAu2lZ9hrbP-nHMCX6ie/"
        ),
    }


def test_a_message_has_those_links_that_are_made_one_by_one():
    assert links.of_message(ANN, "news", DELIVERY) == {
        "preferences": links.preferences_url(ANN),
        "unsubscribe": links.unsubscribe_url(ANN, "news", DELIVERY),
        "view": links.view_url(ANN, DELIVERY),
        "why": links.why_url(ANN, DELIVERY),
    }
    assert links.of_message(ANN, "news", DELIVERY, only=()) == {}


def test_a_link_from_a_message_never_expires():
    later = NOW + timedelta(days=20_000)
    assert links.read_preferences(every_token()["choices"], now=later) == CentreLink(ANN)


def test_a_link_that_was_asked_for_lasts_an_hour():
    asked = every_token()["full"]

    assert links.read_preferences(asked, now=NOW + timedelta(minutes=59)).full
    with pytest.raises(LinkExpired):
        links.read_preferences(asked, now=NOW + timedelta(minutes=60))


def test_a_link_survives_another_secret_key(settings: Any):
    before = every_token()["unsubscribe"]
    settings.SECRET_KEY = "another-secret-key"

    assert links.read_unsubscribe(before).subject == ANN


def test_a_link_of_another_installation_opens_nothing(settings: Any):
    theirs = every_token()
    settings.FIELD_HASH_KEY = generate_master_key()

    assert [read(token) for token in theirs.values()] == [set()] * len(theirs)


@pytest.mark.parametrize("name", ["choices", "full", "unsubscribe", "view", "why"])
def test_a_token_with_any_letter_changed_opens_nothing(name: str):
    right = every_token()[name]

    for place, letter in enumerate(right):
        wrong = right[:place] + ("A" if letter != "A" else "B") + right[place + 1 :]
        assert read(wrong) == set()


def test_a_token_cut_or_lengthened_opens_nothing():
    right = every_token()["unsubscribe"]

    for wrong in ("", right[:-1], right[:20], right + "A", right + "=", right + "\n", " " + right):
        assert read(wrong) == set()


@given(st.text(max_size=300))
def test_no_text_breaks_a_reader(text: str):
    assert read(text) == set()


@given(st.binary(max_size=120))
def test_no_bytes_break_a_reader(raw: bytes):
    assert read(base64.urlsafe_b64encode(raw).decode().rstrip("=")) == set()


def test_links_of_two_people_have_nothing_in_common_but_their_form():
    assert links.preferences_url(ANN) != links.preferences_url(BOB)
    assert links.unsubscribe_url(ANN, "news", DELIVERY) != links.unsubscribe_url(
        BOB, "news", DELIVERY
    )
    assert links.unsubscribe_url(ANN, "news", DELIVERY) != links.unsubscribe_url(
        ANN, "orders", DELIVERY
    )


def test_the_longest_category_key_fits():
    key = "k" * 80
    found = links.read_unsubscribe(token(links.unsubscribe_url(ANN, key, DELIVERY), "u"))
    assert found.category == key
