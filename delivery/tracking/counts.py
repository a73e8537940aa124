"""How many hits were met with what, counted for good."""

from typing import Final

from django.db import connection

from delivery.models import HitCount

DROPPED: Final = "dropped"  # never written down

_ADD = """
    INSERT INTO delivery_hit_count AS kept (verdict, hits, last_at)
    VALUES (%s, %s, clock_timestamp())
    ON CONFLICT (verdict) DO UPDATE
        SET hits = kept.hits + EXCLUDED.hits, last_at = EXCLUDED.last_at
"""


def add(verdict: str, hits: int) -> None:
    """Count, in a statement of its own."""
    with connection.cursor() as cursor:
        cursor.execute(_ADD, [verdict, hits])


def read() -> dict[str, int]:
    """All counts by verdict; one that was never met is 0."""
    return {DROPPED: 0, **dict(HitCount.objects.values_list("verdict", "hits"))}
