"""The attachments of a request: known, of its people, not too large, and kept long enough."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection

from notifications.intake.request import SendRequest
from notifysite.plumbing.faults import Fault
from notifysite.plumbing.problems import Problem


class File(NamedTuple):
    """An attachment as far as sends are concerned, in the order of the statement's columns."""

    uuid: UUID
    personal: bool
    user_id: str | None  # whose it is, unless they were erased
    size: int
    expires_at: datetime


NONE: Mapping[UUID, File] = MappingProxyType({})

_LOOK = """
    SELECT a.uuid, a.recipient_id IS NOT NULL, r.user_id, a.size, a.expires_at
    FROM attachment AS a LEFT JOIN recipient AS r ON r.id = a.recipient_id
    WHERE a.uuid = ANY(%s::uuid[]) AND a.service_id = %s AND a.expires_at > clock_timestamp()
"""


def named(requests: Iterable[SendRequest], *, service_id: int) -> Mapping[UUID, File]:
    """The attachments of a service that requests name: one query, or none where none is named."""
    wanted = list({uuid for request in requests for uuid in request.attachments})
    if not wanted:
        return NONE
    with connection.cursor() as cursor:
        cursor.execute(_LOOK, [wanted, service_id])
        return {row[0]: File(*row) for row in cursor.fetchall()}


def check(request: SendRequest, files: Mapping[UUID, File]) -> None:
    """Raises Problem for what cannot go with this request."""
    if not request.attachments:
        return
    faults = [
        fault
        for index, uuid in enumerate(request.attachments)
        if (fault := _fault(f"/attachments/{index}", files.get(uuid), request))
    ]
    if faults:
        raise Problem.of(faults[0].code, faults=faults)
    size, most = sum(files[uuid].size for uuid in request.attachments), _most()
    if size > most:
        detail = f"{size:,} bytes together; at most {most:,}."
        fault = Fault("/attachments", "attachments_too_large", detail)
        raise Problem.of("attachments_too_large", faults=[fault])


def _fault(pointer: str, file: File | None, request: SendRequest) -> Fault | None:
    if file is None:
        return Fault(pointer, "unknown_attachment", "No attachment of this service, or none now.")
    others = request.topic is not None or any(
        one.wanted.user_id != file.user_id for one in request.to
    )
    if file.personal and others:
        detail = "It is somebody's own, and can be sent to that person only."
        return Fault(pointer, "attachment_of_another", detail)
    return None


def _most() -> int:
    return int(settings.ATTACHMENT_MOST_BYTES)


# Many may name the same one: it is put off once a day, not with each send. In the order of ids, so
# that nobody waits in a circle.
_KEEP = """
    UPDATE attachment SET expires_at = GREATEST(expires_at, %(until)s)
    WHERE id = ANY(ARRAY(
        SELECT id FROM attachment WHERE uuid = ANY(%(uuids)s::uuid[])
        ORDER BY id FOR NO KEY UPDATE
    ))
"""
_SLACK = timedelta(days=1)


def keep(requests: Iterable[SendRequest], files: Mapping[UUID, File], *, now: datetime) -> None:
    """Keep what these requests name for as long as they may need it, in the caller's transaction:
    nothing is written where that is so already, but for a day."""
    days = timedelta(days=settings.ATTACHMENT_DAYS)
    late: dict[UUID, datetime] = {}
    for request in requests if files else ():
        until = max(request.send_at or now, now) + days
        for uuid in request.attachments:
            if files[uuid].expires_at < until - _SLACK:
                late[uuid] = max(late.get(uuid, until), until)
    if late:
        with connection.cursor() as cursor:
            cursor.execute(_KEEP, {"until": max(late.values()), "uuids": list(late)})
