"""Plain bodies are read without the serializer, and say the same as with it."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rest_framework.exceptions import ValidationError

from notifications.intake.request import SendSerializer, _read_plain, _read_plainest, read_send
from notifysite.plumbing.problems import Problem
from notifysite.plumbing.strictjson import loads

TEXTS = st.one_of(
    st.text(max_size=12),
    st.text(alphabet="ab \t\n\u00a0\u2028é😀", max_size=6),
    st.sampled_from(["a" * 20, "a" * 21, "a" * 80, "a" * 81, "a" * 255, "a" * 256, "de", ""]),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXTS),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(TEXTS, below, max_size=3),
    max_leaves=6,
)
NAMES = ["type", "to", "data", "locale", "cancellation_key", "priority", "send_at", "typ"]
BODIES = st.one_of(
    VALUES,
    st.fixed_dictionaries(
        {"type": TEXTS, "to": TEXTS | VALUES},
        optional=dict.fromkeys(NAMES[2:], TEXTS | VALUES),
    ),
    st.fixed_dictionaries(
        {"type": st.just("receipt"), "to": TEXTS},
        optional={"data": st.dictionaries(TEXTS, VALUES, max_size=3), "locale": TEXTS},
    ),
)


def said(body: Any) -> dict[str, Any] | None:
    """What the serializer reads; None where it refuses."""
    try:
        return dict(SendSerializer().run_validation(body))
    except ValidationError:
        return None


@given(BODIES)
@example({"type": " receipt", "to": "ann"})
@example({"type": "receipt\n", "to": "ann"})
@example({"type": "receipt", "to": "ann", "locale": ""})
@example({"type": "receipt", "to": None})
@example({"type": "receipt", "to": ["ann"], "data": None})
@example({"type": "re\u200bceipt", "to": {"user_id": "ann"}})
def test_what_is_read_without_the_serializer_is_what_the_serializer_reads(body: Any) -> None:
    try:
        sent = loads(json.dumps(body).encode())
    except Problem:
        return  # no body that arrives here

    plain = _read_plain(sent)

    assert plain is None or plain == said(sent)


@given(BODIES)
@example({"type": "receipt", "to": "ann", "data": {"a": 1}})
@example({"type": "receipt", "to": "", "data": {}})
@example({"type": "receipt", "to": "a/b", "data": {}})
@example({"type": " receipt", "to": "ann", "data": {}})
def test_the_plainest_body_is_read_as_if_it_said_more(body: Any) -> None:
    plainest = _read_plainest(body)

    if plainest is not None:
        more = read_send({**body, "cancellation_key": "x"})
        assert plainest == more._replace(cancellation_key=None)


def test_what_nearly_every_body_says_is_read_at_once() -> None:
    assert _read_plainest({"type": "receipt", "to": "ann", "data": {"a": 1}}) is not None


@pytest.mark.parametrize(
    "body",
    [
        {"type": "receipt", "to": "ann"},
        {"type": "receipt", "to": ["ann", {"user_id": "bob"}], "data": {"a": [1]}},
        {"type": "receipt", "to": {"user_id": "ann"}, "locale": "de", "cancellation_key": "x 1"},
    ],
)
def test_an_ordinary_body_is_read_without_the_serializer(body: Any) -> None:
    assert _read_plain(body) == said(body)
