"""News that came before we had noted the provider's id of the message: it waits, and is matched.

It falls due again and again, ever more seldom, until the attempt it is about has been settled.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import structlog
from django.db import connection, transaction
from django.db.models.functions import Now

from delivery.contracts import Report
from delivery.feedback import folding, matching
from delivery.feedback.matching import Word
from delivery.lifecycle import EventKind
from delivery.models import ParkedNews

log = structlog.get_logger(__name__)

BATCH = 500

_PARK = """
    INSERT INTO delivery_parked_news (provider, provider_ref, kind, at, code, detail, machine)
    SELECT * FROM unnest(%s::text[], %s::text[], %s::smallint[], %s::timestamptz[], %s::text[],
        %s::text[], %s::bool[])
"""
# Looked for every second at first, later each time when half as long again has passed.
_LOOK = """
    UPDATE delivery_parked_news SET due_at = clock_timestamp()
        + GREATEST(interval '1 second', (clock_timestamp() - created_at) / 2)
    WHERE id = ANY(ARRAY(
        SELECT id FROM delivery_parked_news WHERE due_at <= clock_timestamp()
        ORDER BY due_at LIMIT %s FOR NO KEY UPDATE SKIP LOCKED
    ))
    RETURNING id, created_at < clock_timestamp() - interval '1 hour', provider, provider_ref, kind,
        at, code, detail, machine
"""


class _Parked(NamedTuple):
    """A row of parked news; after an hour it is given up."""

    id: int
    overdue: bool
    word: Word


def park(words: Sequence[Word]) -> None:
    """Keep news about messages whose id we have not noted yet, in the caller's transaction."""
    if not words:
        return
    reports = [word.report for word in words]
    with connection.cursor() as cursor:
        cursor.execute(
            _PARK,
            [
                [word.provider for word in words],
                [report.provider_ref for report in reports],
                [int(report.kind) for report in reports],
                [report.at for report in reports],
                [report.code for report in reports],
                [report.detail for report in reports],
                [report.machine for report in reports],
            ],
        )


def match_parked(limit: int = BATCH) -> int:
    """Fold parked news whose message is known by now; returns how many.

    One look at an index when nothing is due. What an hour has not matched is given up.
    """
    if not ParkedNews.objects.filter(due_at__lte=Now()).exists():
        return 0
    with transaction.atomic():
        parked = _look(limit)
        noted = matching.noted(one.word for one in parked)
        meant = {one.id: noted.only(one.word) for one in parked}
        rows = matching.lock({id_ for id_ in meant.values() if id_})
        found = {one.id: matching.matched(one.word, meant[one.id], rows) for one in parked}
        told = [one for one in found.values() if one]
        folding.fold(told)
        lost = [one for one in parked if one.overdue and not found[one.id]]
        over = [id_ for id_, one in found.items() if one] + [one.id for one in lost]
        ParkedNews.objects.filter(id__in=over).delete()
    for provider, reports in Counter(one.word.provider for one in lost).items():
        log.warning("news_given_up", provider=provider, reports=reports)
    return len(told)


def _look(limit: int) -> list[_Parked]:
    with connection.cursor() as cursor:
        cursor.execute(_LOOK, [limit])
        return [_parked(*values) for values in cursor.fetchall()]


def _parked(id_: int, overdue: bool, provider: str, *said: Any) -> _Parked:
    ref, kind, at, code, detail, machine = said
    report = Report(
        kind=EventKind(kind),
        at=at,
        provider_ref=ref,
        code=code,
        detail=detail,
        machine=machine,
    )
    return _Parked(id_, overdue, Word(provider, report))
