"""A payload fits whatever is said, and loses what matters least first."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.providers.push import LEAST_BODY, fit
from delivery.providers.webpush.payload import LARGEST

PICTURE = "https://example.com/" + "p" * 1900
ACTIONS = [{"title": "Open", "url": "https://example.com/" + "a" * 1900}] * 2


def fitted(largest: int = LARGEST, **parts: object) -> dict[str, object]:
    packed = fit({"title": "Hello", **parts}, largest)
    assert packed is not None
    assert len(packed) <= largest
    return json.loads(packed)


def test_what_fits_is_left_alone() -> None:
    parts = {"title": "Hello", "body": "x" * 1000, "image": PICTURE}
    assert fitted(**parts) == parts


def test_the_text_is_cut_before_the_picture_goes() -> None:
    kept = fitted(body="x" * 5000, image=PICTURE)
    assert kept["image"] == PICTURE
    assert kept["body"] == "x" * (len(kept["body"]) - 1) + "…"
    assert len(json.dumps(kept, ensure_ascii=False, separators=(",", ":")).encode()) == LARGEST


def test_picture_and_buttons_go_before_the_text_says_nothing_any_more() -> None:
    icon = "https://example.com/icon.png"
    parts = {"body": "x" * 500, "image": PICTURE, "actions": ACTIONS, "icon": icon}
    assert fitted(**parts) == {"title": "Hello", "body": "x" * 500, "icon": icon}


def test_where_little_room_is_left_the_text_shrinks_below_its_least() -> None:
    kept = fitted(80, body="x" * LEAST_BODY)
    assert kept["body"].endswith("…")
    assert 1 < len(kept["body"]) < LEAST_BODY


@pytest.mark.parametrize("parts", [{"title": "x" * 5000}, {"data": {"blob": "x" * 5000}}])
def test_what_cannot_be_cut_does_not_fit(parts) -> None:
    assert fit({"body": "short", **parts}, LARGEST) is None


@pytest.mark.parametrize("letter", ["e\u0301", "👩🏽\u200d🚀", "❤️", "👍🏿"])
def test_no_letter_is_cut_in_two(letter) -> None:
    for room in range(60, 90):
        body = fitted(room, body=letter * 40)["body"]
        assert set(body.removesuffix("…").split(letter)) <= {""}


@given(st.text(max_size=3000), st.integers(min_value=120, max_value=4000))
def test_any_text_fits_or_is_cut_to_fit(body: str, largest: int) -> None:
    packed = fit({"title": "T", "body": body}, largest)
    assert packed is not None
    assert len(packed) <= largest
