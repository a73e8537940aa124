"""A hard bounce or a complaint: the address is not used again on its channel."""

from collections.abc import Iterable

from django.db import connection

from delivery.feedback.matching import Matched
from delivery.lifecycle import SUPPRESSING, EventKind
from delivery.models.suppression import SuppressionReason
from delivery.registry import SIMULATOR, TEST

_REASONS = {
    EventKind.HARD_BOUNCE: SuppressionReason.HARD_BOUNCE,
    EventKind.COMPLAINT: SuppressionReason.COMPLAINT,
}
# A complaint says more than all but the person's own STOP. One set for a time holds for good now.
_ADD = f"""
    INSERT INTO suppression AS s (channel, address_hash, reason, source, note)
    SELECT DISTINCT ON (channel, hash) channel, hash, reason, 'provider:' || provider, ''
    FROM unnest(%s::smallint[], %s::bytea[], %s::smallint[], %s::text[])
        AS u(channel, hash, reason, provider)
    ORDER BY channel, hash, reason DESC, provider
    ON CONFLICT (channel, address_hash) DO UPDATE
        SET reason = EXCLUDED.reason, source = EXCLUDED.source, expires_at = NULL
    WHERE s.expires_at IS NOT NULL OR EXCLUDED.reason = {SuppressionReason.COMPLAINT:d}
        AND s.reason NOT IN ({SuppressionReason.COMPLAINT:d}, {SuppressionReason.STOP:d})
"""  # noqa: S608 - numbers of our own


def add(told: Iterable[Matched]) -> None:
    """Suppress the addresses that news says are dead or do not want us.

    What was only simulated kills no address.
    """
    dead = [
        one
        for one in told
        if one.report.kind in SUPPRESSING
        and one.row.address_hash is not None
        and one.provider not in (SIMULATOR, TEST)
    ]
    if not dead:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _ADD,
            [
                [one.row.channel for one in dead],
                [one.row.address_hash for one in dead],
                [int(_REASONS[one.report.kind]) for one in dead],
                [one.provider for one in dead],
            ],
        )
