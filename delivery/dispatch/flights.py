"""A flight: claimed rows that go out together, from one provider on one channel."""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from delivery import registry
from delivery.contracts import Message, Outcome, Sealed
from delivery.health import Way
from delivery.lifecycle import Uncertain
from delivery.queue import Lease, Row


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row that is ours under a lease; `tried` are the providers that failed it in this round."""

    row: Row
    lease: UUID
    tried: frozenset[str] = frozenset()
    since: float = field(default_factory=time.monotonic)

    @property
    def leased(self) -> Lease:
        """What proves that it is ours."""
        return self.row.id, self.lease

    def is_alone(self, way: Way) -> bool:
        """Whether no other flight may be under way beside it: it must not be copied, or may be what
        crashed us. Where each message has a server of its own, that one kept the answer, and it may
        be as slow again."""
        must_not_be_copied, unknowns = _kind(self)
        return must_not_be_copied or (unknowns > 0 and not registry.traits(way.alias).apart)


@dataclass(slots=True, eq=False)
class Flight:
    """Rows under way with a provider, what they were sealed as, and what was answered by whom."""

    way: Way
    rows: Sequence[Claimed]
    probe: bool = False
    drilled: bool = False
    marked_at: float = 0.0
    lease: int = 0
    sealed: dict[UUID, Sealed] = field(default_factory=dict)
    answers: list[tuple[str, Outcome]] = field(default_factory=list)

    @property
    def is_alone(self) -> bool:
        """Whether no other may be under way beside it, to be in doubt with it."""
        return self.probe or any(claimed.is_alone(self.way) for claimed in self.rows)

    @property
    def messages(self) -> list[Message]:
        """Those that the last look let go."""
        sealed = (self.sealed.get(claimed.row.id) for claimed in self.rows)
        return [one for one in sealed if isinstance(one, Message)]


def cut(waiting: deque[Claimed], *, alias: str, beside: bool = False) -> list[Claimed]:
    """Take the next flight off those that wait for a provider.

    `beside` another one, where each message has a server of its own, few fly together: the next
    that is slow holds up no more than those.
    What must not be copied flies alone. What lost its answer before may be what crashed us: it
    flies with others of its kind, a quarter of the size each time, until the culprit is alone.
    """
    kind = _kind(waiting[0])
    alone, unknowns = kind
    traits = registry.traits(alias)
    largest = traits.flight // traits.flights if beside and traits.apart else traits.flight
    size = 1 if alone else max(1, largest >> (2 * unknowns))
    flight: list[Claimed] = []
    while waiting and len(flight) < size and _kind(waiting[0]) == kind:
        flight.append(waiting.popleft())
    return flight


def in_order(claimed: Sequence[Claimed]) -> list[Claimed]:
    """Those that may fly together next to each other; first what has never gone wrong."""
    return sorted(claimed, key=lambda one: (*_kind(one), one.row.id.int))


def _kind(claimed: Claimed) -> tuple[bool, int]:
    row = claimed.row
    return row.uncertain == Uncertain.STOP, row.unknowns
