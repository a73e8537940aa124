"""Addresses that must not be used: set and lifted.

What is done by hand, or by a person's STOP and START, is audited, with the deed. Whether one is in
force is told by the database's clock, in every statement that asks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db import connection, transaction

from delivery import channels
from delivery.models import Suppression
from delivery.models.suppression import SuppressionReason
from notifysite.plumbing import audit


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwanted:
    """An address to be used no more; `expires_at` None means for good."""

    channel: int
    address_hash: bytes
    reason: SuppressionReason = SuppressionReason.MANUAL
    source: str
    note: str = ""
    expires_at: datetime | None = None


def when_dead(channel: int) -> SuppressionReason:
    """The reason for an address of this channel that is no more: only devices have tokens."""
    if channels.by_number(channel).every_address:
        return SuppressionReason.DEAD_TOKEN
    return SuppressionReason.HARD_BOUNCE


_IN_FORCE = "(s.expires_at IS NULL OR s.expires_at > clock_timestamp())"
_END, _NEW_END = "COALESCE(s.expires_at, 'infinity')", "COALESCE(EXCLUDED.expires_at, 'infinity')"
# What people say themselves weighs more than what is said about their address.
_WEIGHT = (
    f"CASE {{0}}.reason WHEN {SuppressionReason.STOP:d} THEN 2"
    f" WHEN {SuppressionReason.COMPLAINT:d} THEN 1 ELSE 0 END"
)
_OLD, _NEW = _WEIGHT.format("s"), _WEIGHT.format("EXCLUDED")
_STAYS = f"{_IN_FORCE} AND {_OLD} > {_NEW}"
# Of two in force the weightier reason and the later end stay; one that has expired is history.
WHERE_THERE_IS_ONE = f"""
    ON CONFLICT (channel, address_hash) DO UPDATE SET
        reason = CASE WHEN {_STAYS} THEN s.reason ELSE EXCLUDED.reason END,
        source = CASE WHEN {_STAYS} THEN s.source ELSE EXCLUDED.source END,
        note = CASE WHEN {_STAYS} OR {_IN_FORCE} AND EXCLUDED.note = '' THEN s.note
            ELSE EXCLUDED.note END,
        created_at = CASE WHEN {_IN_FORCE} THEN s.created_at ELSE clock_timestamp() END,
        expires_at = CASE WHEN {_IN_FORCE} THEN NULLIF(GREATEST({_END}, {_NEW_END}), 'infinity')
            ELSE EXCLUDED.expires_at END
    WHERE NOT {_IN_FORCE} OR {_NEW_END} > {_END} OR {_NEW} > {_OLD}
"""
# In one order, so that two that write the same rows wait and never deadlock.
_PUT = f"""
    INSERT INTO suppression AS s (channel, address_hash, reason, source, note, expires_at)
    SELECT DISTINCT ON (channel, address_hash) u.*
    FROM unnest(%s::smallint[], %s::bytea[], %s::smallint[], %s::text[], %s::text[],
        %s::timestamptz[]) AS u(channel, address_hash, reason, source, note, expires_at)
    ORDER BY channel, address_hash, {_WEIGHT.format("u")} DESC, source
    {WHERE_THERE_IS_ONE}
    RETURNING s.id, s.reason, s.expires_at
"""  # noqa: S608 - numbers of our own


class Put(NamedTuple):
    """A suppression that is new or changed, as it is now."""

    id: int
    reason: int
    expires_at: datetime | None


def put(rows: Sequence[Unwanted]) -> list[Put]:
    """Write them in the caller's transaction; those that changed nothing are not returned.

    Of several for one address the weightiest is taken.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _PUT,
            [
                [row.channel for row in rows],
                [row.address_hash for row in rows],
                [int(row.reason) for row in rows],
                [row.source[:80] for row in rows],
                [row.note for row in rows],
                [row.expires_at for row in rows],
            ],
        )
        return [Put(*values) for values in cursor.fetchall()]


def suppress(row: Unwanted, *, actor: str) -> tuple[Suppression, bool]:
    """Set an address by hand; returns what holds now, and whether this changed it."""
    with transaction.atomic():
        changed = put([row])
        _record(changed, actor)
        kept = Suppression.objects.get(channel=row.channel, address_hash=row.address_hash)
    return kept, bool(changed)


def suppress_all(rows: Sequence[Unwanted], *, actor: str) -> int:
    """Set different addresses by hand, all or none; returns for how many that changed anything."""
    with transaction.atomic():
        changed = put(rows)
        _record(changed, actor)
    return len(changed)


def _record(changed: Sequence[Put], actor: str) -> None:
    """With reason and end, as an expired suppression is deleted one day and the trail is not."""
    alike: dict[tuple[int, datetime | None], list[str]] = {}
    for one in changed:
        alike.setdefault((one.reason, one.expires_at), []).append(f"suppression:{one.id}")
    for (reason, end), targets in alike.items():
        detail = {
            "reason": SuppressionReason(reason).name.lower(),
            "until": end and end.isoformat(),
        }
        audit.record_all(actor=actor, action="suppression.set", targets=targets, detail=detail)


def lift(id_: int, *, actor: str, note: str) -> bool:
    """Let an address be used again; False where there is no such suppression."""
    with transaction.atomic():
        row = Suppression.objects.select_for_update().filter(pk=id_).first()
        if row is None:
            return False
        row.delete()
        detail = {"reason": SuppressionReason(row.reason).name.lower(), "note": note}
        audit.record(
            actor=actor, action="suppression.lifted", target=f"suppression:{id_}", detail=detail
        )
    return True


_SAID_AGAIN = f"""
    UPDATE suppression SET created_at = GREATEST(created_at, LEAST(%s, clock_timestamp()))
    WHERE channel = %s AND address_hash = %s AND reason = {SuppressionReason.STOP:d}
"""  # noqa: S608 - a number of our own


def stop(channel: int, address_hash: bytes, *, at: datetime, source: str) -> bool:
    """Obey a STOP that was said then, in the caller's transaction; False where it was obeyed
    already."""
    reason = SuppressionReason.STOP
    changed = put(
        [Unwanted(channel=channel, address_hash=address_hash, reason=reason, source=source)]
    )
    _record(changed, source)
    if not changed:
        with connection.cursor() as cursor:
            cursor.execute(_SAID_AGAIN, [at, channel, address_hash])
    return bool(changed)


# Where somebody noted why, a person of ours set it too, and only one of them lifts it. A START that
# was said before the STOP and came after it lifts nothing; clocks may differ by a minute.
_RESUME = f"""
    DELETE FROM suppression
    WHERE channel = %s AND address_hash = %s AND reason = {SuppressionReason.STOP:d} AND note = ''
        AND created_at < %s + interval '1 minute'
    RETURNING id
"""  # noqa: S608 - a number of our own


def resume(channel: int, address_hash: bytes, *, at: datetime, source: str) -> bool:
    """Obey a START that was said then, in the caller's transaction; False where no STOP is there to
    be lifted."""
    with connection.cursor() as cursor:
        cursor.execute(_RESUME, [channel, address_hash, at])
        row = cursor.fetchone()
    if row is None:
        return False
    target, detail = f"suppression:{row[0]}", {"reason": "stop", "note": "START"}
    audit.record(actor=source, action="suppression.lifted", target=target, detail=detail)
    return True
