"""Whether people still belong to the audience that a notification was made for."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from notifications.words import AudienceStatus


@dataclass(frozen=True, slots=True)
class Membership:
    """`withdrawn`: the audience was cancelled; `subscribed`: to its topic, None for a list."""

    withdrawn: bool
    subscribed: bool | None


ALONE = Membership(withdrawn=False, subscribed=None)

_LOOK = f"""
    SELECT asked.id, a.status = {AudienceStatus.CANCELLED:d},
        CASE WHEN a.topic_id IS NOT NULL THEN EXISTS (
            SELECT FROM topic_subscription AS s
            WHERE s.topic_id = a.topic_id AND s.recipient_id = asked.recipient_id
        ) END
    FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[]) AS asked (id, audience_id, recipient_id)
    JOIN audience AS a ON a.id = asked.audience_id
"""  # noqa: S608 - a number of ours


def load(asked: Sequence[tuple[UUID, int, int]]) -> dict[UUID, Membership]:
    """By notification, each asked for with its audience and its recipient: one query, or none for
    no notification."""
    if not asked:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_LOOK, [list(column) for column in zip(*asked, strict=True)])
        return {id_: Membership(withdrawn, there) for id_, withdrawn, there in cursor.fetchall()}
