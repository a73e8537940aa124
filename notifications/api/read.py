"""What became of it: a service reads back what it sent."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications import reading, story
from notifications.api.send import NotificationsView
from notifications.api.shapes import (
    NotificationPageSerializer,
    NotificationQuery,
    NotificationSerializer,
    TimelineSerializer,
)
from notifications.replaying import seen_by
from notifications.services.authentication import caller_of
from notifications.words import Status
from notifysite.plumbing import ids, paging
from notifysite.plumbing.faults import checked
from notifysite.plumbing.paging import Cursor

WINDOW = timedelta(days=30)


class NotificationList(NotificationsView):
    """All that happens at /api/v1/notifications: sending, and reading back."""

    @extend_schema(
        operation_id="notifications_list",
        parameters=[NotificationQuery],
        responses=NotificationPageSerializer,
        summary="List notifications",
    )
    def get(self, request: Request) -> Response:
        """List what this service sent, newest first; with the scope read:all, what any sent."""
        query = checked(NotificationQuery(data=request.query_params.dict()))
        size, text = query.pop("limit"), query.pop("cursor", None)
        cursor = None if text is None else Cursor.read(text)
        if "status" in query:
            query["status"] = Status[query["status"].upper()]
        since = query.pop("since", None) or _since(query.get("request_id"))
        wanted = reading.Wanted(
            service_id=seen_by(caller_of(request)),
            since=since,
            below=cursor.id() if cursor and not cursor.backwards else None,
            above=cursor.id() if cursor and cursor.backwards else None,
            **query,
        )
        page = reading.page(wanted, size=size)
        rows = NotificationSerializer(page.rows, many=True).data
        return paging.answer(request, list(rows), more=page.more, cursor=cursor)


def _since(request_id: UUID | None) -> datetime:
    """One request is of one time."""
    return ids.moment(request_id) if request_id else datetime.now(UTC) - WINDOW


class NotificationDetail(APIView):
    """One notification."""

    required_scopes = "notifications:read"

    @extend_schema(
        operation_id="notifications_read",
        responses=NotificationSerializer,
        summary="Read a notification",
    )
    def get(self, request: Request, id: UUID) -> Response:
        """Read where it stands, what was decided, and its deliveries."""
        found = reading.one(id, service_id=seen_by(caller_of(request)))
        if found is None:
            raise Http404
        return Response(NotificationSerializer(found).data)


class Timeline(APIView):
    """The story of one notification."""

    required_scopes = "notifications:read"

    @extend_schema(
        operation_id="notifications_timeline",
        responses=TimelineSerializer,
        summary="Read the timeline of a notification",
    )
    def get(self, request: Request, id: UUID) -> Response:
        """Read all that happened, oldest first, in plain words."""
        if not reading.exists(id, service_id=seen_by(caller_of(request))):
            raise Http404
        return Response({"results": [entry.plain() for entry in story.tell(id)]})
