"""Compact JSON is what the standard library writes, whichever encoder Python has."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifysite.plumbing import compactjson

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=5), below),
    max_leaves=9,
)


@given(VALUES)
def test_it_writes_what_the_standard_library_writes(value):
    expected = json.dumps(value, separators=(",", ":"), ensure_ascii=False)

    assert compactjson.compact(value) == expected


def test_it_does_without_the_encoder_in_c(monkeypatch):
    monkeypatch.setattr("json.encoder.c_make_encoder", None)

    assert compactjson._made_once()({"a": ["é", 1.5, None]}) == '{"a":["é",1.5,null]}'


@pytest.mark.parametrize("encode", [compactjson.compact, compactjson._plain.encode])
def test_what_is_no_json_is_refused(encode):
    with pytest.raises(TypeError):
        encode({"a": object()})
