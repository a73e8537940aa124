"""Secrets in data, such as codes, are forgotten once they have done their work."""

from collections.abc import Sequence
from itertools import takewhile
from typing import Any
from uuid import UUID

from django.db import connection

from delivery.lifecycle import State
from notifications.audiences.data import MADE
from notifications.words import OPEN
from notifysite.plumbing import ids

_OPEN = ", ".join(str(int(status)) for status in OPEN)
# A dead letter or an uncertain one may yet be sent again, and needs its data until it expires.
_WIPE = f"""
    UPDATE notification AS n SET data = NULL
    FROM notification_type AS t
    WHERE n.id = ANY(%s::uuid[]) AND n.data IS NOT NULL AND n.status NOT IN ({_OPEN})
        AND t.id = n.type_id AND t.sensitive
        AND NOT EXISTS (
            SELECT FROM delivery AS d WHERE d.notification_id = n.id
            AND d.state IN ({State.DEAD:d}, {State.UNCERTAIN:d})
            AND (d.expires_at IS NULL OR d.expires_at > clock_timestamp())
        )
"""  # noqa: S608

# Dead letters and uncertain ones that expired meanwhile: nothing tells of that but the clock.
_EXPIRED = f"""
    SELECT n.id FROM delivery AS d
    JOIN notification AS n ON n.id = d.notification_id
    JOIN notification_type AS t ON t.id = n.type_id
    WHERE d.state IN ({State.DEAD:d}, {State.UNCERTAIN:d}) AND d.expires_at <= clock_timestamp()
        AND t.sensitive AND n.data IS NOT NULL AND n.status NOT IN ({_OPEN})
    LIMIT %s
"""  # noqa: S608


# An audience's data are forgotten once none of its notifications can be sent any more. What has
# been passed stays so: only beyond that is looked.
_KEPT = """
    SELECT id, request_id, passed FROM audience WHERE secret AND due_at IS NULL
    ORDER BY id LIMIT %s
"""
_NEXT = f"""
    SELECT n.id, n.status IN ({_OPEN}) OR EXISTS (
            SELECT FROM delivery AS d WHERE d.notification_id = n.id
            AND d.state IN ({State.DEAD:d}, {State.UNCERTAIN:d})
            AND (d.expires_at IS NULL OR d.expires_at > clock_timestamp())
        )
    FROM audience AS a, notification AS n
    WHERE a.id = %(audience)s AND {MADE} AND (%(passed)s::uuid IS NULL OR n.id > %(passed)s)
    ORDER BY n.id LIMIT %(limit)s
"""  # noqa: S608
_GO_ON = "UPDATE audience SET passed = %s WHERE id = %s"
_FORGET = """
    UPDATE audience SET data = NULL, data_key = NULL, secret = false
    WHERE id = %s AND due_at IS NULL
"""


def wipe(notification_ids: Sequence[UUID]) -> None:
    """Forget the data of finished notifications whose type carries secrets, such as codes."""
    if not notification_ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(_WIPE, [list(notification_ids)])


def sweep(limit: int) -> int:
    """Forget the secrets of what can no longer be sent again; returns how many were looked at."""
    with connection.cursor() as cursor:
        cursor.execute(_EXPIRED, [limit])
        expired = [id_ for (id_,) in cursor.fetchall()]
    wipe(expired)
    return len(expired) + _sweep_audiences(limit)


def _sweep_audiences(limit: int) -> int:
    looked = 0
    with connection.cursor() as cursor:
        cursor.execute(_KEPT, [limit])
        for audience, request_id, passed in cursor.fetchall():
            if looked >= limit:
                break
            low, high = ids.siblings(request_id)
            values = {"audience": audience, "passed": passed, "low": low, "high": high}
            cursor.execute(_NEXT, {**values, "limit": limit})
            looked += _pass_on(cursor, audience, cursor.fetchall(), limit)
    return looked


def _pass_on(cursor: Any, audience: int, rows: Sequence[tuple[UUID, bool]], limit: int) -> int:
    """Go on to the first that may still be sent; forget the data where there is none."""
    over = list(takewhile(lambda row: not row[1], rows))
    if len(over) == len(rows) < limit:
        cursor.execute(_FORGET, [audience])
    elif over:
        cursor.execute(_GO_ON, [over[-1][0], audience])
    return len(rows)
