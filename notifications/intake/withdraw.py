"""Withdraw audiences: nothing more is made of them, and what was made is taken back in batches.

From the commit of a cancel on planning and the last look obey it, so nothing leaves but what a
worker had marked already; the batches make the rows say so.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from notifications import nudges
from notifications.audiences.data import MADE
from notifications.audiences.expand import EXPANDING
from notifications.intake import cancel
from notifications.intake.cancel import Cancelled
from notifications.services.authentication import Caller
from notifications.words import OPEN, AudienceStatus, Lane
from notifysite.plumbing import audit, ids
from notifysite.plumbing.problems import Problem

BATCH = 500
MEMBERS = 5_000

_OPEN = ", ".join(str(int(status)) for status in OPEN)
_CANCEL = f"""
    UPDATE audience AS a SET status = {AudienceStatus.CANCELLED:d}, passed = NULL,
        due_at = clock_timestamp(), done_at = clock_timestamp()
    WHERE a.request_id = %(request)s AND a.service_id = %(service)s
        AND a.mode = ANY(%(modes)s::smallint[])
        AND (a.status IN ({EXPANDING}) OR a.status = {AudienceStatus.DONE:d} AND EXISTS (
            SELECT FROM notification AS n WHERE {MADE} AND n.status IN ({_OPEN})
        ))
"""  # noqa: S608 - words of ours as numbers
_STATUS = """
    SELECT status FROM audience WHERE request_id = %(request)s AND service_id = %(service)s
        AND mode = ANY(%(modes)s::smallint[])
"""


def cancel_audience(request_id: UUID, *, caller: Caller) -> bool | None:
    """Cancel an audience of the caller's service. False when nothing of it is left to take back,
    None where there is none; cancelling again changes nothing, and is true."""
    low, high = ids.siblings(request_id)
    values: dict[str, Any] = {
        "request": request_id,
        "service": caller.service_id,
        "modes": caller.touches,
        "low": low,
        "high": high,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_CANCEL, values)
        if cursor.rowcount:
            target = f"audience:{request_id}"
            audit.record(actor=caller.actor, action="audience.cancelled", target=target)
            transaction.on_commit(partial(nudges.nudge, Lane.BULK), robust=True)
            return True
        cursor.execute(_STATUS, values)
        row = cursor.fetchone()
    return None if row is None else bool(row[0] == AudienceStatus.CANCELLED)


_OF_KEY = """
    SELECT request_id, status FROM audience
    WHERE service_id = %s AND cancellation_key = %s AND mode = ANY(%s::smallint[])
    ORDER BY request_id
"""


def with_key(key: str, *, caller: Caller) -> dict[UUID, AudienceStatus]:
    """The caller's audiences with a cancellation key, by their requests."""
    with connection.cursor() as cursor:
        cursor.execute(_OF_KEY, [caller.service_id, key, caller.touches])
        return {request: AudienceStatus(status) for request, status in cursor.fetchall()}


_OF_USERS = f"""
    SELECT n.id FROM audience AS a
    JOIN recipient AS r ON r.user_id = ANY(%(users)s::text[])
    JOIN notification AS n ON n.recipient_id = r.id AND {MADE}
    WHERE a.request_id = %(request)s ORDER BY n.id
"""  # noqa: S608


def of_users(audiences: dict[UUID, AudienceStatus], users: Sequence[str]) -> list[UUID]:
    """The notifications of these audiences to these people. Raises Problem while one of them may
    still make some."""
    if any(status in _UNFINISHED for status in audiences.values()):
        raise Problem.of("audience_expanding")
    found: list[UUID] = []
    with connection.cursor() as cursor:
        for request_id in audiences:
            low, high = ids.siblings(request_id)
            cursor.execute(
                _OF_USERS, {"users": list(users), "request": request_id, "low": low, "high": high}
            )
            found += [id_ for (id_,) in cursor.fetchall()]
    return found


_UNFINISHED = (AudienceStatus.ACCEPTED, AudienceStatus.EXPANDING)

_TAKE = f"""
    SELECT id, request_id, service_id, passed FROM audience
    WHERE lane = %s AND status = {AudienceStatus.CANCELLED:d} AND due_at IS NOT NULL
        AND due_at <= statement_timestamp()
    ORDER BY due_at, id LIMIT 1
    FOR NO KEY UPDATE SKIP LOCKED
"""  # noqa: S608
_FORGET = """
    DELETE FROM audience_member WHERE audience_id = %(audience)s AND recipient_id = ANY(ARRAY(
        SELECT recipient_id FROM audience_member WHERE audience_id = %(audience)s LIMIT %(batch)s
    ))
"""
_NEXT = f"""
    SELECT n.id FROM audience AS a, notification AS n
    WHERE a.id = %(audience)s AND {MADE} AND n.status IN ({_OPEN})
        AND (%(passed)s::uuid IS NULL OR n.id > %(passed)s)
    ORDER BY n.id LIMIT %(batch)s
"""  # noqa: S608
_GO_ON = """
    UPDATE audience SET passed = CASE WHEN %(more)s THEN COALESCE(%(passed)s, passed) END,
        due_at = CASE WHEN %(more)s THEN clock_timestamp() END
    WHERE id = %(audience)s
"""


def withdraw_due(lane: Lane) -> int:
    """Take back one batch of a lane's cancelled audiences; returns how many rows."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_TAKE, [int(lane)])
        row = cursor.fetchone()
        if row is None:
            return 0
        id_, request_id, service_id, passed = row
        cursor.execute(_FORGET, {"audience": id_, "batch": MEMBERS})
        if forgotten := cursor.rowcount:
            cursor.execute(_GO_ON, {"audience": id_, "passed": None, "more": True})
            return int(forgotten)
        found = _next(cursor, id_, request_id, passed)
        cancel.take_back(found, service_id=service_id)
        more = len(found) == BATCH
        cursor.execute(_GO_ON, {"audience": id_, "passed": max(found, default=None), "more": more})
        return len(found)


def _next(cursor: Any, audience: int, request_id: UUID, passed: UUID | None) -> list[UUID]:
    low, high = ids.siblings(request_id)
    values = {"audience": audience, "passed": passed, "low": low, "high": high, "batch": BATCH}
    cursor.execute(_NEXT, values)
    return [id_ for (id_,) in cursor.fetchall()]


def cancel_by_key(
    key: str, *, caller: Caller, users: Sequence[str] | None
) -> tuple[list[UUID], Cancelled, list[UUID]]:
    """Cancel all with a key, or what of it is for these users: the notifications that were found,
    what came of them, and the audiences that are cancelled. Raises Problem."""
    audiences = with_key(key, caller=caller)
    found = cancel.matching(key, caller=caller, users=users)
    if users is not None:
        found += of_users(audiences, users)
        return found, cancel.cancel(found, caller=caller), []
    stopped = [one for one in audiences if cancel_audience(one, caller=caller)]
    return found, cancel.cancel(found, caller=caller), stopped
