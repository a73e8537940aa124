"""The JSON reader takes clean data as it is and refuses the rest with a stable code."""

import io
import json
import math

import pytest
from django.http import UnreadablePostError
from django.test import RequestFactory
from hypothesis import example, given
from hypothesis import strategies as st
from rest_framework.parsers import BaseParser

from notifysite.plumbing.problems import Problem
from notifysite.plumbing.strictjson import MAX_BYTES, MAX_DEPTH, StrictJSONParser, loads

clean_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
clean_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | clean_text,
    lambda below: st.lists(below) | st.dictionaries(clean_text, below),
    max_leaves=20,
)


def code_of(raw: bytes) -> str:
    with pytest.raises(Problem) as caught:
        loads(raw)
    assert caught.value.status == 400
    return caught.value.code


def outcome(raw: bytes) -> object:
    try:
        return loads(raw)
    except Problem as problem:
        return problem.status


def json_or_nothing(raw: bytes) -> object:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def depth_of(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0


@given(clean_values.filter(lambda value: depth_of(value) <= MAX_DEPTH), st.booleans())
def test_clean_data_parses_equal_in_either_spelling(value, ascii_only):
    assert loads(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(st.binary() | st.text('[]{}",:\\u0d8 \n1eE-NaInfity').map(str.encode))
@example(b'"\\')
@example(b'{"a":1,')
@example(b"\xed\xa0\x80")
@example(b'"\xed\xa0\x80"')
@example(b"")
def test_anything_else_is_a_problem_and_never_another_exception(raw):
    assert outcome(raw) in (400, json_or_nothing(raw))


@given(st.text('[]{}",:1\\').map(str.encode))
def test_what_passes_is_never_nested_too_deeply(raw):
    try:
        value = loads(raw)
    except Problem:
        return
    assert depth_of(value) <= MAX_DEPTH


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "malformed_json"),
        (b" ", "malformed_json"),
        (b"{", "malformed_json"),
        (b"[1,]", "malformed_json"),
        (b"{'a': 1}", "malformed_json"),
        (b'{"a": 1} x', "malformed_json"),
        (b"01", "malformed_json"),
        (b'"\x00"', "malformed_json"),
        (b'"\n"', "malformed_json"),
        (b'\xef\xbb\xbf{"a": 1}', "malformed_json"),
        ('{"a": 1}'.encode("utf-16"), "malformed_json"),
        (b'"\xff"', "malformed_json"),
        (b'{"a": 1, "a": 1}', "duplicate_key"),
        (b'{"a": 1, "\\u0061": 2}', "duplicate_key"),
        (b'{"x": [{"a": 1, "b": 2, "a": 3}]}', "duplicate_key"),
        (b"NaN", "not_finite"),
        (b"[Infinity]", "not_finite"),
        (b'{"a": -Infinity}', "not_finite"),
        (b"1e400", "not_finite"),
        (b"-1e400", "not_finite"),
        (b"1" * 400 + b".0", "not_finite"),
        (b"1" * 5000, "not_finite"),
        (b'"a\\u0000b"', "bad_character"),
        (b'{"\\u0000": 1}', "bad_character"),
        (b'{"a": [{"b": "\\u0000"}]}', "bad_character"),
        (b'"\\ud800"', "bad_character"),
        (b'"\\uDFFF"', "bad_character"),
        (b'"\\ude00\\ud83d"', "bad_character"),
        (b"[" * 21 + b"]" * 21, "too_deep"),
        (b'{"a":' * 21 + b"1" + b"}" * 21, "too_deep"),
        (b'[{"a":' * 11 + b"1" + b"}]" * 11, "too_deep"),
        (b"[" * 100_000, "too_deep"),
        (b'{"a":' * 100_000, "too_deep"),
        (b"[[]," * 100_000, "too_deep"),
        (b'["\\\\",' * 21 + b"1" + b"]" * 21, "too_deep"),
        (b"[" * 21, "too_deep"),
        (b"[" * 3 + b"]" * 30, "malformed_json"),
        (b"[" * 10 + b"[]" * 20, "malformed_json"),
    ],
)
def test_refuses_with_a_code(raw, code):
    assert code_of(raw) == code


def test_twenty_levels_pass():
    raw = b"[" * 20 + b"]" * 20

    assert depth_of(loads(raw)) == 20


def test_many_objects_side_by_side_are_not_deep():
    value = [{"a": [1, {"b": []}]}] * 500

    assert loads(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    "text", ["[" * 50, "{" * 50, '"[' * 50, "\\" * 7 + "[" * 50, '\\"' + "[" * 50]
)
def test_brackets_inside_strings_are_text(text):
    value = {"a": text, text: "b"}

    assert loads(json.dumps(value).encode()) == value


@pytest.mark.parametrize("text", ["\\u0000", "\\\\ud800", "😀", "\x01", "\u2028"])
def test_what_only_looks_like_a_bad_character_passes(text):
    assert loads(json.dumps({text: [text]}).encode()) == {text: [text]}


def test_numbers_keep_their_kind():
    value = loads(b"[1, 1.0, 1e2, -0.0, 123456789012345678901234567890, 1e-400]")

    assert [type(number) for number in value] == [int, float, float, float, int, float]
    assert math.copysign(1, value[3]) == -1.0


def test_the_detail_says_where_the_body_is_broken():
    with pytest.raises(Problem) as caught:
        loads(b'{"a": 1,\n "b" 2}')

    assert caught.value.detail == "Expecting ':' delimiter at line 2, column 6; correct the body."


def test_the_detail_names_the_key_that_occurs_twice():
    with pytest.raises(Problem) as caught:
        loads(b'{"type": 1, "to": 2, "to": 3}')

    assert caught.value.detail == "The key 'to' occurs twice in one object."


class NeverRead(io.BytesIO):
    def read(self, *args: object) -> bytes:
        raise AssertionError("the body was read")


def parse(stream: io.BytesIO, *, media_type: str = "application/json", length: str | None = None):
    request = RequestFactory().post("/api/v1/notifications")
    if length is not None:
        request.META["CONTENT_LENGTH"] = length
    return StrictJSONParser().parse(stream, media_type, {"request": request})


def test_the_parser_reads_a_body():
    assert isinstance(StrictJSONParser(), BaseParser)
    assert parse(io.BytesIO(b'{"a": 1}')) == {"a": 1}


def test_a_body_of_exactly_the_limit_is_read():
    body = b'"' + b"a" * (MAX_BYTES - 2) + b'"'

    assert len(parse(io.BytesIO(body))) == MAX_BYTES - 2


def test_a_body_that_is_announced_too_large_is_not_read():
    with pytest.raises(Problem) as caught:
        parse(NeverRead(), length=str(MAX_BYTES + 1))

    assert (caught.value.status, caught.value.code) == (413, "body_too_large")


def test_a_body_that_turns_out_too_large_is_read_one_byte_past_the_limit():
    stream = io.BytesIO(b" " * (MAX_BYTES + 1000))

    with pytest.raises(Problem) as caught:
        parse(stream, length="10")

    assert (caught.value.status, caught.value.code) == (413, "body_too_large")
    assert stream.tell() == MAX_BYTES + 1


class CutOff(io.BytesIO):
    def read(self, *args: object) -> bytes:
        raise UnreadablePostError("connection reset")


def test_a_body_that_breaks_off_is_the_callers_problem():
    with pytest.raises(Problem) as caught:
        parse(CutOff())

    assert (caught.value.status, caught.value.code) == (400, "malformed_json")


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", "utf8"])
def test_the_charset_may_be_said_when_it_is_utf_8(charset):
    assert parse(io.BytesIO(b"1"), media_type=f"application/json; charset={charset}") == 1


def test_another_charset_is_refused():
    with pytest.raises(Problem) as caught:
        parse(io.BytesIO(b"1"), media_type="application/json; charset=latin-1")

    assert (caught.value.status, caught.value.code) == (415, "unsupported_media_type")


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "identity, gzip"])
def test_a_compressed_body_is_refused_as_such(coding):
    request = RequestFactory().post("/api/v1/notifications", headers={"Content-Encoding": coding})

    with pytest.raises(Problem, match="not compressed") as caught:
        StrictJSONParser().parse(io.BytesIO(b"\x1f\x8b"), None, {"request": request})

    assert (caught.value.status, caught.value.code) == (415, "unsupported_media_type")


def test_identity_is_no_compression():
    request = RequestFactory().post(
        "/api/v1/notifications", headers={"Content-Encoding": "Identity"}
    )

    assert StrictJSONParser().parse(io.BytesIO(b"1"), None, {"request": request}) == 1


@pytest.mark.parametrize("length", ["", "abc", "-5", "9" * 30])
def test_a_senseless_length_does_not_matter(length):
    assert parse(io.BytesIO(b"[]"), length=length) == []


@given(st.integers(17, 24), st.lists(st.text('[]{}"\\ :,', max_size=6), max_size=8))
@example(20, ["]" * 30, '"', "[["])
@example(21, ["]" * 30, '"', "]]"])
def test_brackets_in_texts_neither_hide_nor_add_depth(depth, texts):
    value = texts
    for level in range(depth - 1):
        value = {"}": value, "{": texts} if level % 2 else [*texts, value]

    assert (outcome(json.dumps(value).encode()) == 400) == (depth > MAX_DEPTH)
