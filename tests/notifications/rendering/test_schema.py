"""Data is held against its type's schema, and the schema against what we can stand behind."""

import pytest

from notifications.rendering.patterns import PATTERN_CHARS
from notifications.rendering.schema import Fault, SchemaRejected, check_schema, validate


@pytest.mark.parametrize(
    ("schema", "data", "faults"),
    [
        ({"type": "object", "required": ["a", "b"]}, {"a": 1},
         [Fault("/b", "required", "This is missing.")]),
        ({"properties": {"a": {}}, "additionalProperties": False}, {"a": 1, "x/y": 1},
         [Fault("/x~1y", "unknown", "There is no such field.")]),
        ({"properties": {"n": {"type": "integer"}}}, {"n": "secret"},
         [Fault("/n", "type", "This must be of type integer.")]),
        ({"items": {"enum": ["a", "b"]}}, ["a", "c"],
         [Fault("/1", "not_allowed", "This must be one of: a, b.")]),
        ({"maxLength": 2}, "abc", [Fault("", "too_long", "This may have at most 2 characters.")]),
        ({"minimum": 1}, 0, [Fault("", "too_small", "This must be at least 1.")]),
        ({"pattern": "^A-\\d+$"}, "B",
         [Fault("", "pattern", "This does not have the form asked for.")]),
        ({"pattern": "x"}, "x" * (PATTERN_CHARS + 1),
         [Fault("", "pattern", "This is longer than 256 characters.")]),
        ({"format": "date-time"}, "2026-01-01",
         [Fault("", "format", "This is not a valid date-time.")]),
        ({"format": "uri"}, "javascript:x", [Fault("", "format", "This is not a valid uri.")]),
        ({"uniqueItems": True}, [{"a": 1}, {"a": 1}],
         [Fault("", "repeated", "The entries must differ from each other.")]),
        ({"$defs": {"n": {"type": "number"}}, "properties": {"a": {"$ref": "#/$defs/n"}}},
         {"a": "x"}, [Fault("/a", "type", "This must be of type number.")]),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 1,
         [Fault("", "invalid", "This does not fit what the type asks for.")]),
    ],
)  # fmt: skip
def test_a_fault_has_a_pointer_a_code_and_plain_words(schema, data, faults):
    assert validate(data, schema) == faults


@pytest.mark.parametrize(
    ("schema", "data"),
    [
        ({"type": "object", "properties": {"a": {"type": "string"}}}, {"a": "x", "b": 1}),
        ({"format": "date-time"}, "2026-01-01T10:00:00Z"),
        ({"format": "date"}, "2026-01-01"),
        ({"format": "email"}, "ann@example.org"),
        ({"format": "uuid"}, "0190b8a0-0000-7000-8000-000000000000"),
        ({"uniqueItems": True}, [{"a": n} for n in range(5000)]),
        ({"pattern": "^[A-Z]{2}\\d{2}(-\\d{3}){2}$"}, "AB12-345-678"),
        ({"x-sensitive": True, "title": "Code"}, "x"),
    ],
)
def test_data_that_fits_has_no_faults(schema, data):
    assert validate(data, schema) == []


@pytest.mark.parametrize(
    ("schema", "pointer", "code"),
    [
        ([], "", "type"),
        ({"type": "strng"}, "/type", "schema"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "/$schema", "dialect"),
        ({"$ref": "https://evil.test/schema.json"}, "/$ref", "reference"),
        ({"$ref": "file:///etc/passwd"}, "/$ref", "reference"),
        ({"properties": {"a": {"$ref": "#/$defs/none"}}}, "/properties/a/$ref", "reference"),
        ({"$id": "https://evil.test/"}, "/$id", "not_supported"),
        ({"$dynamicRef": "#x"}, "/$dynamicRef", "not_supported"),
        ({"patternProperties": {"(a+)+": {}}}, "/patternProperties", "not_supported"),
        ({"x-sensitive": "yes"}, "/x-sensitive", "type"),
        ({"description": "x" * 200_000}, "", "too_large"),
        ({"pattern": "("}, "/pattern", "schema"),
    ],
)
def test_a_schema_we_cannot_stand_behind_is_refused(schema, pointer, code):
    assert [(fault.pointer, fault.code) for fault in check_schema(schema)] == [(pointer, code)]


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$", "(a*)*b", "(a|aa)+$", "(a|a)*", "^(a?){30}a{30}$", "(.*)(.*)(.*)x",
        "a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?b", "(\\w+\\s?)*$", "(?=a)b", "(?<!a)b",
        "(a)\\1", "([a-z]+)*@", "a{0,60}a{0,60}a{0,60}b", "(?:a|b|c+)+", "x" * 300,
    ],
)  # fmt: skip
def test_a_pattern_that_could_run_for_ever_is_refused(pattern):
    assert [fault.code for fault in check_schema({"pattern": pattern})] == ["pattern"]


@pytest.mark.parametrize(
    "pattern",
    [
        "^[A-Z]{2}-\\d+$", "^\\+?[1-9]\\d{6,14}$", "^https://", "^(low|normal|high)$",
        "^[^@]+@[^@]+$", "^\\d{4}-\\d{2}-\\d{2}(T.*)?$", "^([0-9]{3}-){2}[0-9]+$", "(?i)^abc",
    ],
)  # fmt: skip
def test_an_ordinary_pattern_is_accepted(pattern):
    assert check_schema({"pattern": pattern}) == []


def test_a_schema_is_checked_before_it_is_used():
    with pytest.raises(SchemaRejected) as caught:
        validate({}, {"$ref": "https://evil.test/"})

    assert caught.value.faults[0].code == "reference"


def test_a_schema_that_never_ends_is_answered():
    assert validate(1, {"$ref": "#"})[0].code == "too_deep"


def test_no_more_faults_than_anybody_reads():
    assert len(validate(["x"] * 1000, {"items": {"type": "integer"}})) == 20
