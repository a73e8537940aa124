"""Replay: dead letters go out again, with a new series of tries.

Who asks twice sends once: only what is still dead or uncertain is queued. An uncertain one may
have arrived, so replaying it risks a second copy; that is for a person to decide.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from delivery.lifecycle import REPLAYABLE, Reason, State

_REPLAYABLE = ", ".join(str(int(state)) for state in sorted(REPLAYABLE))

# In id order, so that two that write the same rows wait and never deadlock.
_LOOK = """
    SELECT d.id, d.state,
        d.expires_at IS NOT NULL AND d.expires_at <= clock_timestamp(),
        EXISTS (SELECT FROM suppression AS s
                WHERE s.channel = d.channel AND s.address_hash = d.address_hash
                AND (s.expires_at IS NULL OR s.expires_at > clock_timestamp()))
    FROM delivery AS d WHERE d.id = ANY(%s::uuid[]) ORDER BY d.id FOR NO KEY UPDATE OF d
"""
_QUEUE = f"""
    UPDATE delivery SET state = {State.QUEUED:d}, reason = NULL, attempts = 0, unknowns = 0,
        lease = NULL, due_at = clock_timestamp(), accepted_at = clock_timestamp()
    WHERE id = ANY(%s::uuid[]) AND state IN ({_REPLAYABLE})
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of each: queued again now, on its way already, or refused and why.

    A refusal without a reason is one of a delivery that is no dead letter.
    """

    queued: Sequence[UUID]
    under_way: Sequence[UUID]
    refused: dict[UUID, Reason | None]


def replay(ids: Iterable[UUID]) -> Replayed:
    """Queue dead letters again, due now. Runs in the caller's transaction."""
    queued: list[UUID] = []
    under_way: list[UUID] = []
    refused: dict[UUID, Reason | None] = {}
    with connection.cursor() as cursor:
        cursor.execute(_LOOK, [list(ids)])
        for id_, state, expired, suppressed in cursor.fetchall():
            if state in (State.QUEUED, State.SENDING):
                under_way.append(id_)
            elif state not in REPLAYABLE:
                refused[id_] = None
            elif expired or suppressed:
                refused[id_] = Reason.EXPIRED if expired else Reason.SUPPRESSED
            else:
                queued.append(id_)
        cursor.execute(_QUEUE, [queued])
    return Replayed(queued, under_way, refused)
