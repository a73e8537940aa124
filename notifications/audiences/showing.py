"""Audiences as the API shows them."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import connection

from notifications.words import AudienceKind, AudienceStatus

_AUDIENCES = """
    SELECT a.request_id, a.kind, a.topic_key, t.key, a.status, a.estimated, a.made, a.created_at,
        a.send_at, a.done_at
    FROM audience AS a JOIN notification_type AS t ON t.id = a.type_id
    WHERE a.request_id = ANY(%(requests)s::uuid[])
        AND (%(service)s::bigint IS NULL OR a.service_id = %(service)s)
    ORDER BY a.request_id DESC
"""


def url(request_id: UUID | str) -> str:
    """Where to ask for an audience."""
    return f"/api/v1/audiences/{request_id}"


def one(request_id: UUID, *, service_id: int | None) -> dict[str, Any] | None:
    """An audience by its request; None where that service did not ask for it."""
    return next(iter(several([request_id], service_id=service_id)), None)


def several(request_ids: Sequence[UUID], *, service_id: int | None) -> list[dict[str, Any]]:
    """Audiences by their requests, newest first; `service_id` None means those of any service."""
    values: Mapping[str, Any] = {"requests": list(request_ids), "service": service_id}
    with connection.cursor() as cursor:
        cursor.execute(_AUDIENCES, values)
        return [_audience(*row) for row in cursor.fetchall()]


def _audience(*row: Any) -> dict[str, Any]:
    request_id, kind, topic, type_, status, estimated, made, created_at, send_at, done_at = row
    return {
        "request_id": request_id,
        "kind": AudienceKind(kind).name.lower(),
        "topic": topic or None,
        "type": type_,
        "status": AudienceStatus(status).name.lower(),
        "estimated": estimated,
        "notifications": made,
        "created_at": created_at,
        "send_at": send_at,
        "done_at": done_at,
        "url": url(request_id),
    }
