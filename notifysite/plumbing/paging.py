"""Lists by cursor: `{results, next, previous}`, a page starts where another ended."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from notifysite.plumbing.faults import StrictSerializerMixin, checked

SIZE = 50
LARGEST = 100

M = TypeVar("M", bound=Model)


class PageQuery(StrictSerializerMixin, serializers.Serializer[Any]):
    """The query of every list."""

    limit = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST, default=SIZE)
    cursor = serializers.CharField(required=False, max_length=400)


class PageSerializer(serializers.Serializer[Any]):
    """What every list has beside its results."""

    next = serializers.CharField(allow_null=True, help_text="The address of the next page.")
    previous = serializers.CharField(allow_null=True)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page starts: after `place` in the list's order, or before it, reading backwards."""

    place: str
    backwards: bool = False

    def text(self) -> str:
        """As callers carry it; it means nothing to them."""
        raw = ("<" if self.backwards else ">") + self.place
        return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str) -> "Cursor":
        """What `text()` wrote. Raises ValidationError for anything else."""
        try:
            raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        except (binascii.Error, UnicodeError, ValueError):
            raise bad_cursor() from None
        if raw[:1] not in ("<", ">"):
            raise bad_cursor()
        return cls(raw[1:], backwards=raw[0] == "<")

    def id(self) -> UUID:
        """The place, where the list is in the order of ids."""
        try:
            return UUID(self.place)
        except ValueError:
            raise bad_cursor() from None

    def word(self) -> str:
        """The place, where the list is in the order of keys."""
        if "\0" in self.place:
            raise bad_cursor()
        return self.place

    def number(self) -> int:
        """The place, where the list is in the order of numbers."""
        if self.place.isascii() and self.place.isdecimal() and len(self.place) < 19:
            return int(self.place)
        raise bad_cursor()


def asked(request: Request) -> tuple[Cursor | None, int]:
    """Where the page asked for starts, and its size, of a list that takes no other query."""
    query = checked(PageQuery(data=request.query_params.dict()))
    return Cursor.read(query["cursor"]) if "cursor" in query else None, query["limit"]


def bad_cursor() -> ValidationError:
    """A cursor that was not made here."""
    return ValidationError({"cursor": ErrorDetail("Use the cursor of `next`.", "invalid_cursor")})


def answer(
    request: Request,
    rows: list[dict[str, Any]],
    *,
    more: bool,
    cursor: Cursor | None,
    place: str = "id",
) -> Response:
    """The page, with links to its neighbours. `more`: rows lie further on as it was read."""
    places = [row[place] for row in rows]
    return Response({"results": rows, **links(request, places, more=more, cursor=cursor)})


def links(
    request: Request, places: Sequence[Any], *, more: bool, cursor: Cursor | None
) -> dict[str, str | None]:
    """The neighbours of the page whose rows are at these places of the list's order."""
    backwards = cursor is not None and cursor.backwards
    onwards, before = (True, more) if backwards else (more, cursor is not None)
    return {
        "next": _link(request, Cursor(str(places[-1]))) if places and onwards else None,
        "previous": _link(request, Cursor(str(places[0]), backwards=True))
        if places and before
        else None,
    }


def _link(request: Request, cursor: Cursor) -> str:
    here = remove_query_param(request.build_absolute_uri(), "cursor")
    return str(replace_query_param(here, "cursor", cursor.text()))


def turn(found: QuerySet[M], *, by: str, cursor: Cursor | None, size: int) -> tuple[list[M], bool]:
    """A page of a queryset by a unique column, a `-` before it for newest first; and whether
    more lie further on."""
    column, down = by.removeprefix("-"), by.startswith("-")
    backwards = cursor is not None and cursor.backwards
    if cursor is not None:
        place: str | int = cursor.number() if column.endswith("id") else cursor.word()
        found = found.filter(**{f"{column}__{'lt' if down != backwards else 'gt'}": place})
    rows = list(found.order_by(f"-{column}" if down != backwards else column)[: size + 1])
    page, more = rows[:size], len(rows) > size
    return (page[::-1] if backwards else page), more
