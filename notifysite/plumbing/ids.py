"""UUIDv7 ids (RFC 9562): they sort by time, and a story's ids share one millisecond.

Months are partitions by id, so a child minted with its parent's millisecond lies in the parent's
month and leaves with it.
"""

import hashlib
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID, SafeUUID

from notifysite.plumbing.randomness import random_bytes

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_VERSION_AND_VARIANT = (7 << 76) | (2 << 62)
_RANDOM = (1 << 128) - 1 & ~((0xFFFFFFFFFFFF << 80) | (0xF << 76) | (0x3 << 62))


# A UUID refuses to be set anything, and asks itself at each try; its slots do not.
_set_number = vars(UUID)["int"].__set__
_set_safety = vars(UUID)["is_safe"].__set__
_UNKNOWN = SafeUUID.unknown
_new = object.__new__


def of(number: int) -> UUID:
    """The id with this number, without UUID's own checks, which cost twice as much as all else."""
    made = _new(UUID)
    _set_number(made, number)
    _set_safety(made, _UNKNOWN)
    return made


def uuid7(ms: int | None = None) -> UUID:
    """A new id at `ms` milliseconds since 1970 (default: now)."""
    if ms is None:
        ms = time.time_ns() // 1_000_000
    noise = int.from_bytes(random_bytes(10), "big")
    return of((ms << 80) | _VERSION_AND_VARIANT | (noise & _RANDOM))


def milliseconds(id: UUID) -> int:
    """When an id was minted, in milliseconds since 1970."""
    return id.int >> 80


def sibling(parent: UUID) -> UUID:
    """A fresh id in the same millisecond as `parent`."""
    return uuid7(milliseconds(parent))


def derived(parent: UUID, what: str) -> UUID:
    """The one id in the same millisecond as `parent` that stands for `what` of it."""
    digest = hashlib.sha256(parent.bytes + what.encode()).digest()
    noise = int.from_bytes(digest[:10], "big")
    return of((milliseconds(parent) << 80) | _VERSION_AND_VARIANT | (noise & _RANDOM))


def siblings(id: UUID) -> tuple[UUID, UUID]:
    """The smallest and the largest id of the same millisecond."""
    start = (milliseconds(id) << 80) | _VERSION_AND_VARIANT
    return UUID(int=start), UUID(int=start | _RANDOM)


def moment(id: UUID) -> datetime:
    """When an id was minted (UTC)."""
    return _EPOCH + timedelta(milliseconds=milliseconds(id))


def floor(at: datetime) -> UUID:
    """The smallest id of a moment: `id >= floor(t)` selects what was minted from t on."""
    ms = (at - _EPOCH) // timedelta(milliseconds=1)
    return UUID(int=(ms << 80) | _VERSION_AND_VARIANT)
