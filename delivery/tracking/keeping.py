"""Hits, judged by what stands of their deliveries, and written down as engagement. No address of
whoever asked is known here, or kept anywhere."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import transaction

from delivery import people
from delivery.contracts import Report
from delivery.feedback import folding, matching
from delivery.feedback.matching import Matched, Row
from delivery.lifecycle import EventKind, State
from delivery.tracking.judging import PERSON, Facts, who


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A request for a link of a delivery, or for its picture. `at` is by the monotonic clock."""

    delivery: UUID
    kind: EventKind
    link: str = ""
    agent: str = ""
    ahead: bool = False
    at: float = field(compare=False)

    def facts(self, *, since_sent: float | None = None, links: int = 1) -> Facts:
        """What it is judged by; without a time, what the request says of itself."""
        return Facts(
            kind=self.kind,
            agent=self.agent,
            ahead=self.ahead,
            since_sent=since_sent,
            links=links,
        )


class Gathered(NamedTuple):
    """A hit, how many seconds ago it was, and how many links were asked for at once."""

    hit: Hit
    age: float
    links: int


class Known(NamedTuple):
    """What is kept, so that another hit would change nothing."""

    delivery: UUID
    kind: EventKind
    by_person: bool


def keep(gathered: Sequence[Gathered]) -> set[Known]:
    """Write hits down, in a transaction of its own; returns what need not be written again.

    Of deliveries that are not kept any more, and of people who were erased, nothing is kept.
    """
    with transaction.atomic():
        rows = matching.lock({one.hit.delivery for one in gathered})
        keys = people.data_keys({row.recipient_id for row in rows.values()})
        alive = {id_: row for id_, row in rows.items() if row.recipient_id in keys}
        told = [
            _told(one, alive[one.hit.delivery]) for one in gathered if one.hit.delivery in alive
        ]
        folding.engaged(told)
    kept = {Known(one.row.id, one.report.kind, not one.report.machine) for one in told}
    return kept | set(_pointless(gathered, alive))


def _pointless(gathered: Iterable[Gathered], alive: Mapping[UUID, Row]) -> Iterator[Known]:
    for one in gathered:
        if one.hit.delivery not in alive:
            yield from (Known(one.hit.delivery, one.hit.kind, person) for person in (True, False))


def _told(one: Gathered, row: Row) -> Matched:
    at = row.now - timedelta(seconds=one.age)
    since = _since_sent(row, at.timestamp())
    judged = who(one.hit.facts(since_sent=since, links=one.links))
    return Matched(row, "", Report(kind=one.hit.kind, at=at, machine=judged != PERSON))


def _since_sent(row: Row, at: float) -> float | None:
    if row.sent_at:
        return at - row.sent_at.timestamp()
    # Where an answer was lost the mail may have arrived, and nobody knows when.
    return -1.0 if row.state == State.SENDING else None
