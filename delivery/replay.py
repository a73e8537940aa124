"""Replay: dead letters go out again, with a new series of tries.

Who asks twice sends once: only what is still dead or uncertain is queued. An uncertain one may
have arrived, so replaying it risks a second copy; that is for a person to decide.

Thousands at once would be a burst for whoever takes them, and for a provider that has only just
recovered. So each gets a turn of its own, and turns are given out over all calls.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.conf import settings
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
# Taken after the deliveries and held until the end: calls that meet here have nothing to wait for
# in each other's rows.
_TURNS = """
    INSERT INTO delivery_pace AS pace (name, until)
    VALUES (%(name)s, clock_timestamp() + %(seconds)s * interval '1 second')
    ON CONFLICT (name) DO UPDATE SET
        until = GREATEST(pace.until, clock_timestamp()) + %(seconds)s * interval '1 second'
    RETURNING until - %(seconds)s * interval '1 second'
"""
# The new series is as old as its turn.
_QUEUE = f"""
    WITH turn AS (
        SELECT id, %(first)s::timestamptz + (n - 1) * %(apart)s * interval '1 second' AS at
        FROM unnest(%(ids)s::uuid[]) WITH ORDINALITY AS u(id, n)
    )
    UPDATE delivery AS d SET state = {State.QUEUED:d}, reason = NULL, attempts = 0, unknowns = 0,
        lease = NULL, due_at = turn.at, accepted_at = turn.at
    FROM turn
    WHERE d.id = ANY(%(ids)s::uuid[]) AND d.id = turn.id AND d.state IN ({_REPLAYABLE})
    RETURNING d.due_at
"""  # noqa: S608
_PACE = "replay"


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of each: queued again now, on its way already, or refused and why.

    A refusal without a reason is one of a delivery that is no dead letter. `last_due_at` is the
    turn of the last one that was queued.
    """

    queued: Sequence[UUID] = ()
    under_way: Sequence[UUID] = ()
    refused: dict[UUID, Reason | None] = field(default_factory=dict)
    last_due_at: datetime | None = None

    def __add__(self, other: "Replayed") -> "Replayed":
        """Both of them; `other` came later."""
        return Replayed(
            [*self.queued, *other.queued],
            [*self.under_way, *other.under_way],
            self.refused | other.refused,
            other.last_due_at or self.last_due_at,
        )


def replay(ids: Iterable[UUID]) -> Replayed:
    """Queue dead letters again, each due at its turn. Runs in the caller's transaction."""
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
    return Replayed(queued, under_way, refused, _queue(queued))


def _queue(ids: Sequence[UUID]) -> datetime | None:
    """Give each its turn; when the last one is."""
    if not ids:
        return None
    apart = 1 / settings.REPLAY_PER_SECOND
    with connection.cursor() as cursor:
        cursor.execute(_TURNS, {"name": _PACE, "seconds": len(ids) * apart})
        (first,) = cursor.fetchone()
        cursor.execute(_QUEUE, {"ids": list(ids), "first": first, "apart": apart})
        last: datetime = max(due_at for (due_at,) in cursor.fetchall())
    return last
