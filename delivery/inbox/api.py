"""`/api/v1/inbox`: what a person has in their inbox, and what they do with it."""

from collections import Counter
from typing import Any, ClassVar
from uuid import UUID

from django.db import transaction
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ErrorDetail, NotFound, ValidationError
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from delivery.inbox import heads, items
from delivery.inbox.items import Mark, Marked, Shelf
from delivery.inbox.principal import Principal, RecipientView, principal_of
from delivery.inbox.serializers import (
    ChangeBody,
    CountsSerializer,
    ItemSerializer,
    ListQuery,
    MarkBody,
    MarkedSerializer,
    PageSerializer,
    SnoozeBody,
    shown,
)
from delivery.models import InboxItem
from notifysite.plumbing.problems import Problem


class Pages(CursorPagination):
    """Pages by number, so that nothing is shown twice while items arrive."""

    page_size = 25
    page_size_query_param = "limit"
    max_page_size = 100

    def decode_cursor(self, request: Request) -> Cursor | None:
        """The cursor of the request; ValidationError if it was not made here."""
        try:
            cursor: Cursor | None = super().decode_cursor(request)
        except NotFound:
            raise _bad_cursor() from None
        if (
            cursor is not None
            and cursor.position is not None
            and not _is_number(str(cursor.position))
        ):
            raise _bad_cursor()
        return cursor


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19


def _bad_cursor() -> ValidationError:
    return ValidationError({"cursor": ErrorDetail("Use the cursor of `next`.", "invalid")})


class ItemList(RecipientView):
    """The items of the caller."""

    @extend_schema(
        operation_id="inbox_list", parameters=[ListQuery], responses=PageSerializer, tags=["inbox"]
    )
    def get(self, request: Request) -> Response:
        """List items, newest first; with `since`, all changes after that number, oldest first."""
        query = _checked(ListQuery(data=request.query_params.dict()))
        principal = principal_of(request)
        # Read before the items: what is stored meanwhile is met again, never missed.
        head = heads.read_one(principal.recipient_id)
        pages, found = Pages(), _found(principal.recipient_id, query)
        pages.ordering = "changed_seq" if "since" in query else "-seq"
        page: list[InboxItem] = pages.paginate_queryset(found, request, view=self) or []
        results = [ItemSerializer(shown(item, principal.key)).data for item in page]
        return Response(
            {
                "results": results,
                "next": pages.get_next_link(),
                "previous": pages.get_previous_link(),
                "seq": head.seq,
                "unread": head.unread,
            }
        )


def _found(recipient_id: int, query: dict[str, Any]) -> Any:
    if "since" in query:
        found = items.changed_since(recipient_id, query["since"])
    else:
        found = items.on_shelf(recipient_id, Shelf(query.get("filter", Shelf.ALL)))
    return found.filter(category=query["category"]) if "category" in query else found


class Counts(RecipientView):
    """How many items the caller has where."""

    @extend_schema(operation_id="inbox_counts", responses=CountsSerializer, tags=["inbox"])
    def get(self, request: Request) -> Response:
        """Count the newest 10,000 items on every shelf, in all and by category."""
        categories = items.counts(principal_of(request).recipient_id)
        total = Counter({str(shelf): 0 for shelf in Shelf})
        for counted in categories.values():
            total.update(counted)
        return Response({**total, "categories": categories})


class OneItem(RecipientView):
    """One item of the caller; that of another does not exist for them."""

    @extend_schema(operation_id="inbox_read", responses=ItemSerializer, tags=["inbox"])
    def get(self, request: Request, id: UUID) -> Response:
        """Show an item."""
        return _one(principal_of(request), id)

    @extend_schema(
        operation_id="inbox_change", request=ChangeBody, responses=ItemSerializer, tags=["inbox"]
    )
    def patch(self, request: Request, id: UUID) -> Response:
        """Change an item: seen, read, archived, snoozed_until."""
        asked = _checked(ChangeBody(data=request.data))
        principal = principal_of(request)
        with transaction.atomic():
            if not items.visible(principal.recipient_id).filter(id=id).exists():
                raise Http404
            for change in _changes(asked):
                items.mark(principal.recipient_id, change, [id], until=asked.get("snoozed_until"))
            return _one(principal, id)


def _changes(asked: dict[str, Any]) -> list[Mark]:
    # Snoozing makes an item unread again, so it comes before what is said of reading.
    done = []
    if "snoozed_until" in asked:
        done.append(Mark.SNOOZE if asked["snoozed_until"] else Mark.UNSNOOZE)
    if "seen" in asked:
        done.append(Mark.SEEN)
    if "read" in asked:
        done.append(Mark.READ if asked["read"] else Mark.UNREAD)
    if "archived" in asked:
        done.append(Mark.ARCHIVE if asked["archived"] else Mark.UNARCHIVE)
    return done


def _one(principal: Principal, id: UUID) -> Response:
    item = items.visible(principal.recipient_id).filter(id=id).first()
    if item is None:
        raise Http404
    return Response(ItemSerializer(shown(item, principal.key)).data)


class ActionDone(RecipientView):
    """What an item asks for, done."""

    @extend_schema(
        operation_id="inbox_action_done", request=None, responses=ItemSerializer, tags=["inbox"]
    )
    def post(self, request: Request, id: UUID, index: int) -> Response:
        """Mark an action, counted from 0, as done. Once: what is done stays as it is."""
        principal = principal_of(request)
        item = items.visible(principal.recipient_id).filter(id=id).first()
        if item is None:
            raise Http404
        there = len(shown(item, principal.key)["actions"])
        if index >= there:
            detail = f"This item has {there} actions, counted from 0."
            raise Problem.of("not_found", detail)
        items.act(principal.recipient_id, id, index)
        return _one(principal, id)


class MarkItems(RecipientView):
    """One mark for many items."""

    change: ClassVar[Mark] = Mark.SEEN
    body: ClassVar[type[MarkBody]] = MarkBody

    @extend_schema(request=MarkBody, responses=MarkedSerializer, tags=["inbox"])
    def post(self, request: Request) -> Response:
        """Mark the items named, or all; what is not the caller's is passed over."""
        asked = _checked(self.body(data=request.data))
        recipient_id, until = principal_of(request).recipient_id, asked.get("until")
        if "ids" in asked:
            marked = items.mark(recipient_id, self.change, asked["ids"], until=until)
        else:
            marked = items.mark_all(
                recipient_id, self.change, up_to=asked.get("up_to"), until=until
            )
        return _answer(marked)


class SnoozeItems(MarkItems):
    """Put many items away for a while."""

    change = Mark.SNOOZE
    body = SnoozeBody

    @extend_schema(request=SnoozeBody, responses=MarkedSerializer, tags=["inbox"])
    def post(self, request: Request) -> Response:
        """Snooze the items named, or all; they come back unread."""
        return super().post(request)


def _answer(marked: Marked) -> Response:
    return Response(
        {"changed": marked.changed, "seq": marked.head.seq, "unread": marked.head.unread}
    )


def _checked(serializer: Any) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    checked: dict[str, Any] = serializer.validated_data
    return checked
