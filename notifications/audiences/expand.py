"""Expand: from an audience to its notifications, a chunk at a time and each person once.

A chunk is one statement's work in one transaction: the next people beyond the cursor, their
notifications, and the cursor behind them. So whoever is killed anywhere leaves whole chunks, and
the next one goes on behind them.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, connection, transaction

from notifications.words import AudienceKind, AudienceStatus, Lane, Status
from notifysite.plumbing import claims
from notifysite.plumbing.failpoints import reached
from notifysite.plumbing.outages import is_outage

log = structlog.get_logger(__name__)

# One that broke waits so long for us to mend what is wrong with it.
MENDED_SECONDS = 60
MOST_CHUNKS = 0xFFF  # the chunk's number has 12 bits in an id; later ones share the last

# Those of which more is to be made.
EXPANDING = f"{AudienceStatus.ACCEPTED:d}, {AudienceStatus.EXPANDING:d}"
# Nobody else takes it until the chunk is committed. Who was worked on last comes last, so that a
# large audience holds up no small one.
_TAKE = f"""
    SELECT id, request_id, kind, topic_id, cursor, made FROM audience
    WHERE lane = %(lane)s AND status IN ({EXPANDING}) AND due_at IS NOT NULL
        AND due_at <= statement_timestamp()
    ORDER BY due_at, id LIMIT 1
    FOR NO KEY UPDATE SKIP LOCKED
"""  # noqa: S608 - words of ours as numbers
_SUBSCRIBERS = """
    SELECT recipient_id, NULL::bytea AS data FROM topic_subscription
    WHERE topic_id = %(topic)s AND recipient_id > %(cursor)s
    ORDER BY recipient_id LIMIT %(chunk)s
"""
# A member's row becomes the notification: what is theirs stands in one place at any time.
_MEMBERS = """
    DELETE FROM audience_member WHERE audience_id = %(audience)s AND recipient_id = ANY(ARRAY(
        SELECT recipient_id FROM audience_member
        WHERE audience_id = %(audience)s AND recipient_id > %(cursor)s
        ORDER BY recipient_id LIMIT %(chunk)s
    )) RETURNING recipient_id, data
"""
# Ids of a chunk lie together, in the millisecond of the request: a UUIDv7 whose 12 free bits count
# chunks, and the rest is chance.
_MAKE = f"""
    WITH people AS ({{people}}), made AS (
        INSERT INTO notification (id, audience_id, recipient_id, data, request_id, service_id,
            key_id, actor_id, type_id, mode, priority, lane, status, channels, attachments,
            locale, send_at, expires_at, due_at, created_at)
        SELECT overlay(gen_random_uuid()::text PLACING %(prefix)s FROM 1 FOR 18)::uuid, a.id,
            p.recipient_id, p.data, a.request_id, a.service_id, a.key_id, a.actor_id, a.type_id,
            a.mode, a.priority, a.lane, {Status.ACCEPTED:d}, a.channels, a.attachments, a.locale,
            a.send_at, a.expires_at, statement_timestamp(), a.created_at
        FROM audience AS a CROSS JOIN people AS p
        WHERE a.id = %(audience)s
    )
    SELECT count(*), max(recipient_id) FROM people
"""  # noqa: S608
_MOVE = f"""
    UPDATE audience SET made = made + %(count)s, cursor = COALESCE(%(last)s, cursor),
        status = CASE WHEN %(over)s THEN {AudienceStatus.DONE:d}
            ELSE {AudienceStatus.EXPANDING:d} END,
        due_at = CASE WHEN NOT %(over)s THEN clock_timestamp() END,
        done_at = CASE WHEN %(over)s THEN clock_timestamp() END
    WHERE id = %(audience)s
"""  # noqa: S608
_PEOPLE = {AudienceKind.TOPIC: _SUBSCRIBERS, AudienceKind.LIST: _MEMBERS}


@dataclass(frozen=True, slots=True)
class _Taken:
    """An audience in hand, in the order of the statement's columns."""

    id: int
    request_id: UUID
    kind: int
    topic_id: int | None
    cursor: int
    made: int

    def prefix(self, chunk: int) -> str:
        """How the ids of its next chunk begin."""
        number = min(self.made // chunk, MOST_CHUNKS)
        return f"{str(self.request_id)[:14]}7{number:03x}"


_PUT_OFF = f"""
    UPDATE audience SET due_at = clock_timestamp() + interval '{MENDED_SECONDS} seconds'
    WHERE id = %s AND status IN ({EXPANDING})
"""  # noqa: S608


def expand_due(lane: Lane, *, chunk: int | None = None) -> int:
    """Make one chunk of notifications of a lane's audiences, AUDIENCE_CHUNK at most unless told
    otherwise; returns how many. One that cannot be made holds up nobody, and is tried again."""
    taken: _Taken | None = None
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            taken = _take(cursor, lane)
            if taken is None:
                return 0
            made = _make(cursor, taken, chunk or settings.AUDIENCE_CHUNK)
            reached("audience.before_commit")
    except DatabaseError as error:
        if taken is None or is_outage(error):
            raise
        _put_off(taken, error)
        return 0
    reached("audience.committed")
    return made


def _take(cursor: Any, lane: Lane) -> _Taken | None:
    """None where no audience is due, or others have all that are."""
    # In order holds for the people, too: of a topic that is new the planner has not heard yet.
    cursor.execute(claims.IN_ORDER + _TAKE, {"lane": int(lane)})
    row = cursor.fetchone()
    return None if row is None else _Taken(*row)


def _make(cursor: Any, taken: _Taken, chunk: int) -> int:
    values = {
        "audience": taken.id,
        "topic": taken.topic_id,
        "cursor": taken.cursor,
        "chunk": chunk,
        "prefix": taken.prefix(chunk),
    }
    cursor.execute(_MAKE.format(people=_PEOPLE[AudienceKind(taken.kind)]), values)
    count, last = cursor.fetchone()
    said = {"audience": taken.id, "count": count, "last": last, "over": count < chunk}
    cursor.execute(_MOVE, said)
    return int(count)


def _put_off(taken: _Taken, error: DatabaseError) -> None:
    log.error("audience_not_made", request=str(taken.request_id), error=type(error).__name__)
    with connection.cursor() as cursor:
        cursor.execute(_PUT_OFF, [taken.id])


_DUE_LANES = """
    SELECT lane, EXTRACT(epoch FROM clock_timestamp() - min(due_at))::float8 FROM audience
    WHERE due_at IS NOT NULL AND due_at <= statement_timestamp()
    GROUP BY lane
"""


def due_lanes() -> list[tuple[int, float]]:
    """Lanes with audiences that are due, cancelled ones too; and the age of the oldest, in
    seconds."""
    with connection.cursor() as cursor:
        cursor.execute(_DUE_LANES)
        return [(lane, age) for lane, age in cursor.fetchall()]
