"""How calls at hooks were met, counted for good."""

from collections import Counter

from django.db import connection

from delivery.models import HookCount
from notifysite.plumbing import claims

HEARD = "heard"  # the call was genuine; what its reports came to is counted beside it

# In the order of the words, so that two calls never wait for each other in a circle.
_ADD = f"""{claims.LOSABLE}
    INSERT INTO delivery_hook_count AS kept (provider, verdict, calls, last_at)
    SELECT %s, verdict, calls, clock_timestamp() FROM unnest(%s::text[], %s::bigint[])
        AS u(verdict, calls) ORDER BY verdict
    ON CONFLICT (provider, verdict) DO UPDATE
        SET calls = kept.calls + EXCLUDED.calls, last_at = EXCLUDED.last_at
"""  # noqa: S608 - words of our own


def add(provider: str, verdicts: Counter[str]) -> None:
    """Count, in a statement of its own: the row is everybody's, and must not stay locked."""
    met = {verdict: calls for verdict, calls in verdicts.items() if calls}
    with connection.cursor() as cursor:
        cursor.execute(_ADD, [provider, list(met), list(met.values())])


def read() -> list[HookCount]:
    """All counts, by provider and verdict."""
    return list(HookCount.objects.order_by("provider", "verdict"))
