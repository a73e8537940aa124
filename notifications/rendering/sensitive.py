"""Hides what a JSON Schema marks `x-sensitive`, wherever in the data it stands."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

MASK: Final = "•••"
_BRANCHES: Final = ("allOf", "anyOf", "oneOf")
_ALONGSIDE: Final = ("if", "then", "else", "not")
_GONE: Final = object()

Schema = Mapping[str, Any]


def mask(data: Any, schema: Schema) -> Any:
    """Return a copy of `data` in which every sensitive value is "•••"."""
    return _apply(data, [schema], schema, MASK)


def strip_sensitive(data: Any, schema: Schema) -> Any:
    """Return a copy of `data` without its sensitive values; None when all of it is sensitive."""
    result = _apply(data, [schema], schema, _GONE)
    return None if result is _GONE else result


def has_sensitive(schema: Any) -> bool:
    """Whether anything in a schema is marked."""
    if isinstance(schema, Mapping):
        return schema.get("x-sensitive") is True or any(map(has_sensitive, schema.values()))
    return isinstance(schema, list) and any(map(has_sensitive, schema))


def _apply(value: Any, schemas: list[Schema], root: Schema, instead: Any) -> Any:
    schemas = list(_spread(schemas, root))
    if any(schema.get("x-sensitive") is True for schema in schemas):
        return instead
    if isinstance(value, Mapping):
        pairs = ((k, _apply(v, _of_key(k, schemas), root, instead)) for k, v in value.items())
        return {key: item for key, item in pairs if item is not _GONE}
    if isinstance(value, list | tuple):
        items = (
            _apply(item, _of_index(index, schemas), root, instead)
            for index, item in enumerate(value)
        )
        return [item for item in items if item is not _GONE]
    return value


def _spread(schemas: list[Schema], root: Schema) -> Iterator[Schema]:
    """Yield every schema that may speak about the same value: references and all branches."""
    waiting, seen = list(schemas), set()
    while waiting:
        schema = waiting.pop()
        if not isinstance(schema, Mapping) or id(schema) in seen:
            continue
        seen.add(id(schema))
        yield schema
        for word in ("$ref", "$dynamicRef"):
            if isinstance(schema.get(word), str):
                waiting.append(_referred(schema[word], root))
        for word in _BRANCHES:
            waiting.extend(schema.get(word) or ())
        waiting.extend(schema[word] for word in _ALONGSIDE if word in schema)
        waiting.extend((schema.get("dependentSchemas") or {}).values())


def _referred(reference: str, root: Schema) -> Any:
    if not reference.startswith("#"):
        return {}
    target: Any = root
    for token in reference[1:].split("/")[1:]:
        token = token.replace("~1", "/").replace("~0", "~")
        if isinstance(target, Mapping):
            target = target.get(token)
        elif isinstance(target, list) and token.isdigit() and int(token) < len(target):
            target = target[int(token)]
        else:
            return {}
    return target


def _of_key(key: Any, schemas: list[Schema]) -> list[Schema]:
    """Return what is said about a property.

    A pattern or a name that does not match is asked too: data that fits no schema is hidden
    rather than shown when the schema hides anything of that kind.
    """
    found: list[Schema] = []
    for schema in schemas:
        properties = schema.get("properties") or {}
        if key in properties:
            found.append(properties[key])
        found.extend((schema.get("patternProperties") or {}).values())
        if key not in properties:
            found.extend(_given(schema, "additionalProperties", "unevaluatedProperties"))
    return found


def _of_index(index: int, schemas: list[Schema]) -> list[Schema]:
    found: list[Schema] = []
    for schema in schemas:
        leading = schema.get("prefixItems") or []
        if index < len(leading):
            found.append(leading[index])
        else:
            found.extend(_given(schema, "items", "unevaluatedItems"))
        found.extend(_given(schema, "contains"))
    return found


def _given(schema: Schema, *words: str) -> list[Schema]:
    return [schema[word] for word in words if isinstance(schema.get(word), Mapping)]
