"""Claimed deliveries as the statements of the queue return them, and what is settled of one."""

import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from delivery.contracts import Outcome
from delivery.verdicts import Verdict

BATCH = 500
LANES = (1, 2, 3)  # notifications.words.Lane, which delivery knows only as numbers

COLUMNS = (
    "id", "notification_id", "recipient_id", "address_id", "address_kind", "channel", "step",
    "lane", "mode", "uncertain", "attempts", "unknowns", "provider", "accepted_at", "created_at",
    "expires_at",
)  # fmt: skip


class Row(NamedTuple):
    """A claimed delivery, in the order the statements return it."""

    id: UUID
    notification_id: UUID
    recipient_id: int
    address_id: int | None
    address_kind: int | None
    channel: int
    step: int
    lane: int
    mode: int
    uncertain: int
    attempts: int
    unknowns: int
    provider: str
    accepted_at: datetime
    created_at: datetime
    expires_at: datetime | None
    claimed_at: datetime
    read_at: float  # on the monotonic clock

    @property
    def now(self) -> datetime:
        """The database's time: what it said at the claim, and what has passed here since."""
        return self.claimed_at + timedelta(seconds=time.monotonic() - self.read_at)


def read(found: Iterable[Sequence[Any]]) -> list[Row]:
    read_at = time.monotonic()
    return [Row._make([*values, read_at]) for values in found]


class Settled(NamedTuple):
    """One row's outcome and what it makes of the row; `lease` is the token it was marked under."""

    row: Row
    lease: UUID
    provider: str
    outcome: Outcome
    verdict: Verdict
    attempted: bool = True


# A row and the token it was claimed under.
Lease = tuple[UUID, UUID]
