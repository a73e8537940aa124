"""Which delivery a report is about, and whether its provider has anything to say of it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from delivery.contracts import Report
from delivery.lifecycle import OutcomeKind, Reason, Standing, State
from notifysite.plumbing import ids


class Word(NamedTuple):
    """A report, and whose it is."""

    provider: str
    report: Report


@dataclass(frozen=True, slots=True)
class Row:
    """A locked delivery, in the order the statement returns it; what follows `now` comes after.

    `tried`: the providers that may know of it. `settled`: we have it from one of our own attempts
    that it was taken.
    """

    id: UUID
    notification_id: UUID
    recipient_id: int
    channel: int
    state: int
    reason: int | None
    provider: str
    mode: int
    step: int
    lane: int
    address_hash: memoryview | None
    created_at: datetime
    accepted_at: datetime
    sent_at: datetime | None
    delivered_at: datetime | None
    now: datetime
    tried: frozenset[str] = frozenset()
    settled: bool = False

    @property
    def standing(self) -> Standing:
        """What the row says of itself."""
        return Standing(State(self.state), Reason(self.reason) if self.reason else None)

    def moment(self, at: datetime) -> datetime:
        """When something was, by a clock that may be wrong: not before the delivery was made, and
        not after we heard of it."""
        return max(self.created_at, min(at, self.now))


@dataclass(frozen=True, slots=True)
class Matched:
    """A report and its delivery, locked."""

    row: Row
    provider: str
    report: Report


@dataclass(frozen=True, slots=True)
class Noted:
    """The deliveries of our attempts, by provider and the provider's own id of the message."""

    deliveries: Mapping[tuple[str, str], Sequence[UUID]]

    def knows(self, word: Word) -> bool:
        """Whether an attempt has the id that a report names."""
        return (word.provider, word.report.provider_ref) in self.deliveries

    def only(self, word: Word) -> UUID | None:
        """The delivery that a report names; an id that several share names none."""
        found = self.deliveries.get((word.provider, word.report.provider_ref), ())
        return found[0] if len(found) == 1 else None


# The condition on '' is that of the index.
_BY_REF = """
    SELECT provider, provider_ref, array_agg(DISTINCT delivery_id) FROM delivery_attempt
    WHERE provider_ref = ANY(%(refs)s) AND NOT provider_ref = '' AND provider = ANY(%(providers)s)
    GROUP BY provider, provider_ref
"""


def noted(words: Iterable[Word]) -> Noted:
    """What our attempts know of the providers' ids in these reports."""
    named = {(word.provider, word.report.provider_ref) for word in words}
    if not named:
        return Noted({})
    values = {
        "providers": sorted({provider for provider, _ in named}),
        "refs": sorted({ref for _, ref in named}),
    }
    with connection.cursor() as cursor:
        cursor.execute(_BY_REF, values)
        return Noted({(provider, ref): found for provider, ref, found in cursor.fetchall()})


# In id order, as everybody locks deliveries.
_LOCK = """
    SELECT id, notification_id, recipient_id, channel, state, reason, provider, mode, step, lane,
        address_hash, created_at, accepted_at, sent_at, delivered_at, clock_timestamp()
    FROM delivery WHERE id = ANY(%s::uuid[]) ORDER BY id FOR NO KEY UPDATE
"""
# The bounds name the months to look in: an attempt has its delivery's millisecond.
_TRIED = """
    SELECT delivery_id, provider, outcome FROM delivery_attempt
    WHERE delivery_id = ANY(%(ids)s::uuid[]) AND id >= %(low)s AND id < %(high)s
"""
_TAKEN = frozenset({OutcomeKind.ACCEPTED, OutcomeKind.DELIVERED})


def lock(deliveries: Collection[UUID]) -> dict[UUID, Row]:
    """The rows of those that exist, locked, and who may know of them."""
    if not deliveries:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [list(deliveries)])
        rows = [Row(*values) for values in cursor.fetchall()]
        if not rows:
            return {}
        # Only now, with the locks, nobody is about to settle them.
        cursor.execute(_TRIED, _within(rows))
        tries = cursor.fetchall()
    return _with_tries(rows, tries)


def _within(rows: Sequence[Row]) -> dict[str, Any]:
    after_last = ids.moment(rows[-1].id) + timedelta(milliseconds=1)
    return {
        "ids": [row.id for row in rows],
        "low": ids.floor(ids.moment(rows[0].id)),
        "high": ids.floor(after_last),
    }


def _with_tries(rows: Iterable[Row], tries: Iterable[tuple[UUID, str, int]]) -> dict[UUID, Row]:
    # The mark names a provider before it is given the message, so its news cannot come too early.
    tried = {row.id: {row.provider} for row in rows}
    settled = set()
    for id_, provider, outcome in tries:
        tried[id_].add(provider)
        if outcome in _TAKEN:
            settled.add(id_)
    return {
        row.id: replace(row, tried=frozenset(tried[row.id] - {""}), settled=row.id in settled)
        for row in rows
    }


def matched(word: Word, delivery: UUID | None, rows: Mapping[UUID, Row]) -> Matched | None:
    """A report with its delivery, unless there is none or its provider never had it."""
    row = rows.get(delivery) if delivery else None
    if row is None or word.provider not in row.tried:
        return None
    return Matched(row, word.provider, word.report)
