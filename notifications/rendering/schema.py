"""Validates a type's data against its JSON Schema (Draft 2020-12), and the schema itself.

No reference leaves the document. Python's regular expressions backtrack, so both ends are held: a
`pattern` may not repeat what already varies, look around or refer back, and a text that meets one
may have at most PATTERN_CHARS characters (longer is invalid).
"""

import json
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from threading import Lock
from typing import Any, Final
from uuid import UUID

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.validators import extend
from referencing import Registry

from notifications.rendering.links import is_web
from notifications.rendering.patterns import PATTERN_CHARS, pattern_fault

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
FAULTS: Final = 20
_SCHEMA_CHARS: Final = 100_000
_KEPT: Final = 512
_NAMED: Final = ("properties", "$defs", "dependentSchemas")
_VALUES: Final = ("enum", "const", "default", "examples", "required")
_REFUSED: Final = (
    "$dynamicRef",
    "$dynamicAnchor",
    "$anchor",
    "$id",
    "$vocabulary",
    "patternProperties",
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong: an RFC 6901 pointer, a stable code, and plain words."""

    pointer: str
    code: str
    detail: str


class SchemaRejected(Exception):
    """A schema that cannot be used; `faults` point into the schema."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(f"{fault.pointer}: {fault.detail}" for fault in faults))
        self.faults = faults


def check_schema(schema: Any) -> list[Fault]:
    """Return what is wrong with a type's data schema."""
    if not isinstance(schema, Mapping):
        return [Fault("", "type", "A schema is an object.")]
    if len(json.dumps(schema)) > _SCHEMA_CHARS:
        return [Fault("", "too_large", f"A schema has at most {_SCHEMA_CHARS:,} characters.")]
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return [Fault(_pointer(error.absolute_path), "schema", _sentence(error.message))]
    return list(_walk(schema, schema, ""))


def validate(data: Any, schema: Mapping[str, Any]) -> list[Fault]:
    """Return what is wrong with `data`, in the order of the data, at most FAULTS of them."""
    validator = _validators.get(schema)
    faults: list[Fault] = []
    try:
        for error in validator.iter_errors(data):
            faults.extend(_faults(error))
            if len(faults) >= FAULTS:
                break
    except RecursionError:
        return [Fault("", "too_deep", "The data or the schema goes too deep.")]
    return sorted(faults[:FAULTS], key=lambda fault: (fault.pointer, fault.code))


def _walk(schema: Any, root: Mapping[str, Any], pointer: str) -> Iterator[Fault]:
    if isinstance(schema, list):
        for index, item in enumerate(schema):
            yield from _walk(item, root, f"{pointer}/{index}")
    elif isinstance(schema, Mapping):
        for key, value in schema.items():
            below = f"{pointer}/{_escaped(key)}"
            yield from _keyword(key, value, root, below)
            if key in _NAMED:
                for name, item in value.items():
                    yield from _walk(item, root, f"{below}/{_escaped(name)}")
            elif key not in _VALUES:
                yield from _walk(value, root, below)


def _keyword(key: str, value: Any, root: Mapping[str, Any], pointer: str) -> Iterator[Fault]:
    if key == "$schema" and value.rstrip("#") != DIALECT:
        yield Fault(pointer, "dialect", "Only JSON Schema draft 2020-12 is understood.")
    elif key in _REFUSED:
        yield Fault(pointer, "not_supported", f"{key} cannot be used here.")
    elif key == "$ref" and not _leads_somewhere(value, root):
        yield Fault(pointer, "reference", "A reference must lead to a place in this schema.")
    elif key == "pattern":
        if detail := pattern_fault(value):
            yield Fault(pointer, "pattern", detail)
    elif key == "x-sensitive" and not isinstance(value, bool):
        yield Fault(pointer, "type", "x-sensitive is true or false.")


def _leads_somewhere(reference: str, root: Any) -> bool:
    if not reference.startswith("#"):
        return False
    for token in reference[1:].split("/")[1:]:
        token = token.replace("~1", "/").replace("~0", "~")
        if isinstance(root, list):
            root = root[int(token)] if token.isdigit() and int(token) < len(root) else None
        else:
            root = root.get(token) if isinstance(root, Mapping) else None
    return isinstance(root, Mapping | bool)


def _unique(validator: Any, wanted: bool, value: Any, schema: Any) -> Iterator[Any]:
    # The library compares each object with every other one.
    if not wanted or not isinstance(value, list):
        return
    if len({json.dumps(item, sort_keys=True) for item in value}) < len(value):
        yield ValidationError("has equal entries")


def _bounded_pattern(validator: Any, pattern: str, value: Any, schema: Any) -> Iterator[Any]:
    if not validator.is_type(value, "string"):
        return
    if len(value) > PATTERN_CHARS:
        yield ValidationError(f"is longer than {PATTERN_CHARS} characters")
    elif not re.search(pattern, value):
        yield ValidationError("does not have the form asked for")


_formats = FormatChecker(formats=())


@_formats.checks("date-time", raises=ValueError)
def _is_moment(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


@_formats.checks("date", raises=ValueError)
def _is_date(value: object) -> bool:
    return not isinstance(value, str) or bool(date.fromisoformat(value))


@_formats.checks("uuid", raises=ValueError)
def _is_uuid(value: object) -> bool:
    return not isinstance(value, str) or bool(UUID(value))


@_formats.checks("uri")
def _is_uri(value: object) -> bool:
    return not isinstance(value, str) or is_web(value)


@_formats.checks("email")
def _is_email(value: object) -> bool:
    return not isinstance(value, str) or bool(re.fullmatch(r"[^\s@<>,;]+@[^\s@<>,;]+", value))


_Validator: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"pattern": _bounded_pattern, "uniqueItems": _unique}
)


class _Cache:
    """Validators by the text of their schema, the least recently used dropped."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Any] = OrderedDict()
        self._lock = Lock()

    def get(self, schema: Mapping[str, Any]) -> Any:
        key = json.dumps(schema, sort_keys=True)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        if faults := check_schema(schema):
            raise SchemaRejected(tuple(faults))
        validator = _Validator(schema, registry=Registry(), format_checker=_formats)
        with self._lock:
            self._kept[key] = validator
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return validator


_validators = _Cache()


def _faults(error: ValidationError) -> Iterator[Fault]:
    pointer, word = _pointer(error.absolute_path), str(error.validator)
    asked: Any = error.validator_value
    given: Any = error.instance
    if word == "required":
        for name in asked:
            if error.message.startswith(f"{name!r} is"):
                yield Fault(f"{pointer}/{_escaped(name)}", "required", "This is missing.")
    elif word in ("additionalProperties", "unevaluatedProperties") and isinstance(given, dict):
        known = error.schema.get("properties", {}) if isinstance(error.schema, Mapping) else {}
        for name in given.keys() - known.keys():
            yield Fault(f"{pointer}/{_escaped(name)}", "unknown", "There is no such field.")
    else:
        yield Fault(pointer, _CODES.get(word, "invalid"), _words(word, error))


_CODES: Final = {
    "type": "type", "enum": "not_allowed", "const": "not_allowed", "pattern": "pattern",
    "format": "format", "minLength": "too_short", "maxLength": "too_long", "minItems": "too_few",
    "maxItems": "too_many", "minimum": "too_small", "maximum": "too_large",
    "exclusiveMinimum": "too_small", "exclusiveMaximum": "too_large", "uniqueItems": "repeated",
    "multipleOf": "not_a_multiple", "minProperties": "too_few", "maxProperties": "too_many",
}  # fmt: skip
_PHRASES: Final = {
    "type": "This must be of type {0}.",
    "enum": "This must be one of: {0}.",
    "const": "This must be {0}.",
    "format": "This is not a valid {0}.",
    "minLength": "This needs at least {0} characters.",
    "maxLength": "This may have at most {0} characters.",
    "minItems": "At least {0} entries are needed.",
    "maxItems": "At most {0} entries are allowed.",
    "minimum": "This must be at least {0}.",
    "maximum": "This may be at most {0}.",
    "exclusiveMinimum": "This must be more than {0}.",
    "exclusiveMaximum": "This must be less than {0}.",
    "uniqueItems": "The entries must differ from each other.",
    "multipleOf": "This must be a multiple of {0}.",
}


def _words(word: str, error: ValidationError) -> str:
    """Say what is asked for; never what was given, which may be secret."""
    if word == "pattern":
        return f"This {error.message}."
    asked: Any = error.validator_value
    if isinstance(asked, list):
        asked = ", ".join(str(item) for item in asked[:20])
    return _PHRASES.get(word, "This does not fit what the type asks for.").format(asked)


def _pointer(path: Any) -> str:
    return "".join(f"/{_escaped(part)}" for part in path)


def _escaped(part: Any) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")


def _sentence(message: str) -> str:
    return message[:1].upper() + message[1:].rstrip(".") + "."
