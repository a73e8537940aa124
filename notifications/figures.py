"""Figures: what became of deliveries, rolled up so that nobody scans the big tables.

Each batch adds its sums as delta rows, in the transaction that consumes its announcement: a figure
is there exactly when the fact is. The deltas are folded into one row per day and labels each
minute. A total is the sum of both, so it never depends on when that was.
"""

import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from math import inf
from typing import Any

from django.db import connection

from delivery import channels
from delivery.contracts import Change
from delivery.lifecycle import Reason, State
from notifications.words import CALLBACK
from notifysite.plumbing.statements import Statement

DELIVERIES = "deliveries"
ACCEPT_TO_SENT = "accept_to_sent"
PROVIDER_CALL = "provider_call"

INFINITY = "+Inf"
# Upper bounds in seconds.
BUCKETS: Mapping[str, tuple[float, ...]] = {
    ACCEPT_TO_SENT: (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600, 21600, 86400),
    PROVIDER_CALL: (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
}
_REACHED = frozenset({State.SENT, State.DELIVERED})

Sums = dict[tuple[str, str], float]


def observe(changes: Sequence[Change]) -> None:
    """Add what a batch of changes comes to; runs in the transaction that consumes it."""
    sums: Sums = defaultdict(float)
    for change in changes:
        # That a person saw it moved nothing: its state was counted when it came to it. And what
        # services are told of messages is no message to anybody.
        if not change.seen and change.step != CALLBACK:
            _count(change, sums)
    add(sums)


_ADD = Statement("""
    INSERT INTO figure_delta (day, metric, labels, value)
    SELECT %(day)s::date, *
    FROM unnest(%(metrics)s::text[], %(labels)s::text[], %(values)s::float8[])
""")


def add(sums: Sums) -> None:
    """Write sums by (metric, labels) as delta rows of today."""
    if not sums:
        return
    keys = sorted(sums)
    with connection.cursor() as cursor:
        _ADD.run(
            cursor,
            day=datetime.now(UTC).date(),
            metrics=[metric for metric, _ in keys],
            labels=[labels for _, labels in keys],
            values=[sums[key] for key in keys],
        )


def _count(change: Change, sums: Sums) -> None:
    # Where it is queued only a try failed: the delivery goes on.
    if change.moved and change.state != State.QUEUED:
        sums[DELIVERIES, _moved(change.channel, change.provider, change.state, change.reason)] += 1
    if change.queued_seconds is not None and change.state in _REACHED:
        _measure(ACCEPT_TO_SENT, change.queued_seconds, sums, channel=change.channel)
    if change.call_seconds:  # nothing was called for what the last look withdrew
        _measure(
            PROVIDER_CALL,
            change.call_seconds,
            sums,
            channel=change.channel,
            provider=change.provider,
        )


def _measure(
    metric: str, seconds: float, sums: Sums, *, channel: int, provider: str | None = None
) -> None:
    """One observation: its bucket, and its seconds in the sum."""
    place = bisect_left(BUCKETS[metric], seconds)
    bucket, whole = _measured(metric, place, channel, provider)
    sums[metric, bucket] += 1
    sums[metric, whole] += seconds


# Of all that is counted only a few labels differ.
@lru_cache(maxsize=1024)
def _moved(channel: int, provider: str, state: int, reason: int | None) -> str:
    return label(
        channel=channels.by_number(channel).key,
        provider=provider,
        status=State(state).name.lower(),
        reason=Reason(reason).name.lower() if reason else "",
    )


@lru_cache(maxsize=1024)
def _measured(metric: str, place: int, channel: int, provider: str | None) -> tuple[str, str]:
    """The labels of a bucket, by its place, and of its sum."""
    bounds = BUCKETS[metric]
    labels = {"channel": channels.by_number(channel).key}
    if provider is not None:
        labels["provider"] = provider
    bucket = str(float(bounds[place])) if place < len(bounds) else INFINITY
    return label(**labels, le=bucket), label(**labels)


def label(**labels: str) -> str:
    """Labels in their one form, so that equal ones are one row."""
    return json.dumps(labels, sort_keys=True, separators=(",", ":"))


# One statement: whoever reads sees the deltas or what became of them, never neither or both.
_FOLD = """
    WITH taken AS (
        DELETE FROM figure_delta WHERE id IN (
            SELECT id FROM figure_delta ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
        ) RETURNING day, metric, labels, value
    ), folded AS (
        INSERT INTO figure (day, metric, labels, value)
        SELECT day, metric, labels, sum(value) FROM taken GROUP BY day, metric, labels
        ORDER BY day, metric, labels
        ON CONFLICT (day, metric, labels) DO UPDATE SET value = figure.value + EXCLUDED.value
    )
    SELECT count(*) FROM taken
"""
FOLD_BATCH = 10_000


def fold() -> int:
    """Merge a batch of deltas into the figures; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(_FOLD, [FOLD_BATCH])
        return int(cursor.fetchone()[0])


_TOTALS = """
    SELECT metric, labels, sum(value) FROM (
        SELECT metric, labels, value FROM figure
        UNION ALL SELECT metric, labels, value FROM figure_delta
    ) AS every GROUP BY metric, labels ORDER BY metric, labels
"""


def totals() -> Iterator[tuple[str, dict[str, Any], float]]:
    """(metric, labels, value) since the beginning, of all figures; one query."""
    with connection.cursor() as cursor:
        cursor.execute(_TOTALS)
        for metric, labels, value in cursor.fetchall():
            yield metric, json.loads(labels), float(value)


_TODAY = """
    SELECT labels, sum(value) FROM (
        SELECT labels, value FROM figure WHERE day = %(day)s AND metric = %(metric)s
        UNION ALL
        SELECT labels, value FROM figure_delta WHERE day = %(day)s AND metric = %(metric)s
    ) AS today GROUP BY labels
"""


def today(metric: str) -> Iterator[tuple[dict[str, Any], float]]:
    """(labels, value) of one metric since midnight UTC; one query."""
    with connection.cursor() as cursor:
        cursor.execute(_TODAY, {"day": datetime.now(UTC).date(), "metric": metric})
        for labels, value in cursor.fetchall():
            yield json.loads(labels), float(value)


def answered_within(share: float) -> Mapping[tuple[str, str], float]:
    """The seconds within which this share of today's provider calls was answered, by (channel,
    provider); the upper bound of a bucket, infinite past the last."""
    counted: dict[tuple[str, str], dict[float, float]] = defaultdict(dict)
    for labels, value in today(PROVIDER_CALL):
        if "le" in labels:
            counted[labels["channel"], labels["provider"]][float(labels["le"])] = value
    return {way: _reached(buckets, share) for way, buckets in counted.items()}


def _reached(buckets: Mapping[float, float], share: float) -> float:
    wanted, so_far = share * sum(buckets.values()), 0.0
    for bound in sorted(buckets):
        so_far += buckets[bound]
        if so_far >= wanted:
            return bound
    return inf
