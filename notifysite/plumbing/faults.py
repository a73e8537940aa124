"""Faults: what is wrong at which place of a request body, as JSON pointers (RFC 6901)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.settings import api_settings


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a body; `pointer` is "" for the whole body."""

    pointer: str
    code: str
    detail: str


def pointer(*tokens: str | int) -> str:
    """Join the tokens to a JSON pointer: pointer("to", 3, "a/b") is "/to/3/a~1b"."""
    return "".join(f"/{_escape(str(token))}" for token in tokens)


def _escape(token: str) -> str:
    return token.replace("~", "~0").replace("/", "~1")


def faults_of(detail: Any, at: str = "") -> Iterator[Fault]:
    """Walk the error tree of a REST framework ValidationError and yield its leaves."""
    if isinstance(detail, Mapping):
        for key, below in detail.items():
            whole = key == api_settings.NON_FIELD_ERRORS_KEY
            yield from faults_of(below, at if whole else at + pointer(key))
    elif isinstance(detail, (list, tuple)):
        for index, below in enumerate(detail):
            yield from faults_of(below, at if isinstance(below, str) else at + pointer(index))
    else:
        yield Fault(at, getattr(detail, "code", None) or "invalid", str(detail))


def checked(serializer: serializers.Serializer[Any]) -> dict[str, Any]:
    """What a body or query says. Raises ValidationError."""
    serializer.is_valid(raise_exception=True)
    said: dict[str, Any] = serializer.validated_data
    return said


class StrictSerializerMixin:
    """Makes a serializer report fields it does not know, beside all its other faults."""

    def to_internal_value(self, data: Any) -> Any:
        """Convert as the serializer does, and raise when a field is unknown."""
        unknown = self._unknown_fields(data) if isinstance(data, Mapping) else {}
        try:
            value = super().to_internal_value(data)  # type: ignore[misc]
        except ValidationError as error:
            if unknown and isinstance(error.detail, dict):
                raise ValidationError({**error.detail, **unknown}) from error
            raise
        if unknown:
            raise ValidationError(unknown)
        return value

    def _unknown_fields(self, data: Mapping[str, Any]) -> dict[str, list[ErrorDetail]]:
        known: list[str] = list(self.fields)  # type: ignore[attr-defined]
        unknown = [name for name in data if name not in known]
        return {name: [ErrorDetail(_advice(name, known), "unknown_field")] for name in unknown}


def _advice(name: str, known: list[str]) -> str:
    close = get_close_matches(name[:64], known, n=1)
    if close:
        return f"Unknown field; did you mean '{close[0]}'?"
    return "Unknown field; remove it."
