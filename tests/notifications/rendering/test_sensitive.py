"""What a schema marks as sensitive is hidden wherever it stands."""

import pytest

from notifications.rendering.sensitive import MASK, has_sensitive, mask, strip_sensitive

SECRET = {"type": "string", "x-sensitive": True}


@pytest.mark.parametrize(
    ("schema", "data", "masked", "stripped"),
    [
        (
            {"properties": {"code": SECRET, "name": {}}},
            {"code": "123456", "name": "Ann", "other": 1},
            {"code": MASK, "name": "Ann", "other": 1},
            {"name": "Ann", "other": 1},
        ),
        (
            {"properties": {"a": {"properties": {"b": {"properties": {"c": SECRET}}}}}},
            {"a": {"b": {"c": 1, "d": 2}}},
            {"a": {"b": {"c": MASK, "d": 2}}},
            {"a": {"b": {"d": 2}}},
        ),
        (
            {"properties": {"rows": {"items": {"properties": {"pin": SECRET}}}}},
            {"rows": [{"pin": 1, "n": 1}, {"pin": 2}]},
            {"rows": [{"pin": MASK, "n": 1}, {"pin": MASK}]},
            {"rows": [{"n": 1}, {}]},
        ),
        (
            {"properties": {"codes": {"items": SECRET}}},
            {"codes": ["a", "b"]},
            {"codes": [MASK, MASK]},
            {"codes": []},
        ),
        (
            {"properties": {"p": {"prefixItems": [{}, SECRET], "items": SECRET}}},
            {"p": [1, 2, 3]},
            {"p": [1, MASK, MASK]},
            {"p": [1]},
        ),
        (
            {"$defs": {"card": {"properties": {"no": SECRET}}},
             "properties": {"card": {"$ref": "#/$defs/card"}}},
            {"card": {"no": "4111"}},
            {"card": {"no": MASK}},
            {"card": {}},
        ),
        (
            {"$defs": {"a/b": SECRET}, "properties": {"x": {"$ref": "#/$defs/a~1b"}}},
            {"x": {"deep": [1]}},
            {"x": MASK},
            {},
        ),
        (
            {"$defs": {"node": {"properties": {"v": SECRET, "next": {"$ref": "#/$defs/node"}}}},
             "$ref": "#/$defs/node"},
            {"v": 1, "next": {"v": 2, "next": {"v": 3}}},
            {"v": MASK, "next": {"v": MASK, "next": {"v": MASK}}},
            {"next": {"next": {}}},
        ),
        (
            {"anyOf": [{"properties": {"a": SECRET}}, {"properties": {"b": {}}}],
             "if": {}, "then": {"properties": {"c": SECRET}}},
            {"a": 1, "b": 2, "c": 3},
            {"a": MASK, "b": 2, "c": MASK},
            {"b": 2},
        ),
        (
            {"properties": {"open": {}}, "additionalProperties": SECRET},
            {"open": 1, "rest": 2},
            {"open": 1, "rest": MASK},
            {"open": 1},
        ),
        ({"oneOf": [SECRET], "properties": {"a": {"$ref": "#/oneOf/0"}}}, {"a": 1}, MASK, None),
        ({"$ref": "#/a/b"}, 1, 1, 1),
        ({"allOf": [{}, {"properties": {"a": SECRET}}], "properties": {"b": {"$ref": "#/allOf/1"}}},
         {"b": {"a": 1}}, {"b": {"a": MASK}}, {"b": {}}),
        ({"$ref": "#/type/x", "type": "string"}, 1, 1, 1),
        ({"x-sensitive": True}, {"a": 1}, MASK, None),
        ({"properties": {"a": {"x-sensitive": False}}}, {"a": 1}, {"a": 1}, {"a": 1}),
        ({"$ref": "#"}, {"a": 1}, {"a": 1}, {"a": 1}),
        ({"$ref": "https://evil.test/s"}, {"a": 1}, {"a": 1}, {"a": 1}),
    ],
)  # fmt: skip
def test_sensitive_values_are_hidden_or_removed(schema, data, masked, stripped):
    before = repr(data)

    assert mask(data, schema) == masked
    assert strip_sensitive(data, schema) == stripped
    assert repr(data) == before


def test_a_schema_says_whether_it_hides_anything():
    assert has_sensitive({"properties": {"a": {"anyOf": [{"items": SECRET}]}}})
    assert not has_sensitive({"properties": {"a": {"x-sensitive": False}}})
