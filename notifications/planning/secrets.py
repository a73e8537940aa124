"""Secrets in data, such as codes, are forgotten once they have done their work."""

from collections.abc import Sequence
from uuid import UUID

from django.db import connection

from delivery.lifecycle import State
from notifications.words import OPEN

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
    return len(expired)
