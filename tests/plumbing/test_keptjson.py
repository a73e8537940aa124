"""What was kept is read as json.loads reads it, whatever it is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifysite.plumbing import keptjson

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@given(JSON)
def test_what_was_written_is_read(value):
    assert keptjson.loads(json.dumps(value).encode()) == value


@pytest.mark.parametrize("text", [' {"a": 1}', '{"a": 1}\n', "\t[1] "])
def test_blanks_around_it_are_no_harm(text):
    assert keptjson.loads(text.encode()) == json.loads(text)


@pytest.mark.parametrize("text", ["", " ", "{", "{} x", "[1]]", "nul", "\ufeff{}"])
def test_what_is_no_json_is_refused_in_the_same_words(text):
    with pytest.raises(json.JSONDecodeError) as ours:
        keptjson.loads(text.encode())
    with pytest.raises(json.JSONDecodeError) as theirs:
        json.loads(text)

    assert str(ours.value) == str(theirs.value)
