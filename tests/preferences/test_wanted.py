"""What a caller says about a person is read whole, with every fault where it is."""

from typing import Any

import pytest

from notifysite.plumbing.faults import Fault
from preferences import wanted
from preferences.wanted import ABSENT, Wanted, WantedInvalid


def faults(body: Any, at: str = "") -> list[tuple[str, str]]:
    with pytest.raises(WantedInvalid) as refused:
        wanted.read(body, at=at)
    return [(fault.pointer, fault.code) for fault in refused.value.faults]


def test_what_is_left_out_is_absent():
    assert wanted.read({"user_id": "ann"}) == Wanted(user_id="ann")
    assert Wanted(user_id="ann").email is ABSENT


@pytest.mark.parametrize("nothing", [None, ""])
@pytest.mark.parametrize("name", ["email", "phone", "locale", "timezone", "name", "attributes"])
def test_null_and_empty_text_clear(name: str, nothing: str | None):
    assert getattr(wanted.read({"user_id": "ann", name: nothing}), name) is None


def test_every_fault_is_reported_at_its_place():
    body = {
        "user_id": "a/b",
        "email": "nowhere",
        "phone": "0170",
        "locale": "klingon!",
        "timezone": "Mars/Olympus",
        "name": "A\nnn",
        "attributes": [],
        "nickname": "Annie",
    }

    assert faults(body, at="/to/3") == [
        ("/to/3/user_id", "invalid_character"),
        ("/to/3/email", "invalid_address"),
        ("/to/3/phone", "invalid_address"),
        ("/to/3/locale", "invalid_locale"),
        ("/to/3/timezone", "unknown_timezone"),
        ("/to/3/name", "invalid_name"),
        ("/to/3/attributes", "invalid_type"),
        ("/to/3/nickname", "unknown_field"),
    ]


@pytest.mark.parametrize("body", [None, "ann", 3, ["ann"]])
def test_a_person_is_an_object(body: Any):
    assert faults(body, at="/to") == [("/to", "invalid_type")]


def test_a_person_has_a_user_id():
    assert faults({"email": "ann@example.com"}) == [("/user_id", "required")]


@pytest.mark.parametrize(
    "user_id",
    ["ann", "42", "ann@example.com", "urn:x:1", "a b", "Zoë", "用户", "100%", "a?b#c", "x" * 255],
)
def test_a_user_id_is_any_printable_text(user_id: str):
    assert wanted.read({"user_id": user_id}).user_id == user_id


@pytest.mark.parametrize(
    "user_id",
    ["", "x" * 256, "a/b", "a\nb", "a\x00b", "a\u200bb", ".", "..", None, 42, True, ["a"]],
)
def test_a_user_id_that_could_not_be_in_a_url_is_refused(user_id: Any):
    assert [pointer for pointer, _ in faults({"user_id": user_id})] == ["/user_id"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [("en", "en"), ("de-CH", "de-CH"), ("de_CH", "de-CH"), ("zh-Hant-TW", "zh-Hant-TW")],
)
def test_a_locale_is_a_language_tag(given: str, kept: str):
    assert wanted.locale(given) == kept


@pytest.mark.parametrize("given", ["e", "english", "de-", "-de", "de CH", "x" * 30, None, 1])
def test_what_is_no_language_tag_is_refused(given: Any):
    with pytest.raises(ValueError, match="language tag"):
        wanted.locale(given)


def test_attributes_have_a_size():
    assert faults({"user_id": "ann", "attributes": {"a": "x" * 20_000}}) == [
        ("/attributes", "too_large")
    ]


def test_plain_values_make_a_wanted_too():
    assert Wanted.of("ann", email="ann@example.com") == wanted.read(
        {"user_id": "ann", "email": "ann@example.com"}
    )
    with pytest.raises(WantedInvalid, match="/email"):
        Wanted.of("ann", email="nowhere")


def test_what_is_said_about_a_person_does_not_show_in_its_repr():
    said = Wanted.of("u1", email="ann@example.com", name="Ann", attributes={"plan": "pro"})

    assert repr(said) == "Wanted(user_id='u1', locale=ABSENT, timezone=ABSENT)"


def test_a_fault_says_what_to_do():
    with pytest.raises(WantedInvalid) as refused:
        wanted.read({"user_id": "ann", "timezone": "CET+1"})

    assert refused.value.faults == (
        Fault("/timezone", "unknown_timezone", "Must be an IANA time zone, such as Europe/Berlin."),
    )
