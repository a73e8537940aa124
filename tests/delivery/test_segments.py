"""How many SMS a text takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery import segments
from delivery.segments import Encoding, Segments

GSM, UCS = Encoding.GSM_7, Encoding.UCS_2
TONGUE = "\U0001f61b"  # two code units of UTF-16


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        ("", Segments(GSM, 0, 0)),
        ("a" * 160, Segments(GSM, 160, 1)),
        ("a" * 161, Segments(GSM, 161, 2)),
        ("a" * 306, Segments(GSM, 306, 2)),
        ("a" * 307, Segments(GSM, 307, 3)),
        ("a" * 1530, Segments(GSM, 1530, 10)),
        ("a" * 1531, Segments(GSM, 1531, 11)),
        ("ж" * 70, Segments(UCS, 70, 1)),
        ("ж" * 71, Segments(UCS, 71, 2)),
        ("ж" * 134, Segments(UCS, 134, 2)),
        ("ж" * 135, Segments(UCS, 135, 3)),
        ("a" * 159 + "ж", Segments(UCS, 160, 3)),
        ("äöüÄÖÜßñÑéà£$¥@§¿¡ΔΩ\r\n", Segments(GSM, 22, 1)),
        ("ç", Segments(UCS, 1, 1)),  # only the capital is in the alphabet
        ("Ç", Segments(GSM, 1, 1)),
        ("`", Segments(UCS, 1, 1)),
        ("\t", Segments(UCS, 1, 1)),
        ("\x1b", Segments(UCS, 1, 1)),  # the escape is no character
    ],
)
def test_a_text_takes(text: str, counted: Segments) -> None:
    assert segments.count(text) == counted


@pytest.mark.parametrize("each", "€[]{}~^|\\\f")
def test_a_character_of_the_extension_counts_twice(each: str) -> None:
    assert segments.count(each) == Segments(GSM, 2, 1)
    assert segments.count(each * 80) == Segments(GSM, 160, 1)
    # 76 fill 152 units of a segment, and its last one stays empty.
    assert segments.count(each * 153) == Segments(GSM, 306, 3)


def test_an_escape_is_not_parted_from_its_character() -> None:
    assert segments.count("a" * 152 + "€" + "a" * 151) == Segments(GSM, 305, 2)
    assert segments.count("a" * 152 + "€" + "a" * 152) == Segments(GSM, 306, 3)


def test_a_surrogate_is_not_parted_from_its_other_half() -> None:
    assert segments.count(TONGUE * 35) == Segments(UCS, 70, 1)
    assert segments.count("a" * 66 + TONGUE + "a" * 65) == Segments(UCS, 133, 2)
    assert segments.count("a" * 66 + TONGUE + "a" * 66) == Segments(UCS, 134, 3)


def test_the_characters_that_force_ucs_2_are_named_once_and_in_order() -> None:
    assert segments.forcing(f"Soon — “today” {TONGUE} — €5") == ["—", "“", "”", TONGUE]
    assert segments.forcing("Hello [you] for 5€") == []


@given(st.text(max_size=400))
def test_a_longer_text_never_takes_less(text: str) -> None:
    whole = segments.count(text)
    assert whole.segments >= segments.count(text[: len(text) // 2]).segments
    assert (whole.encoding is UCS) == bool(segments.forcing(text))
