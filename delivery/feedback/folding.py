"""News changes what stands of deliveries, by the law of delivery.lifecycle, all set-based."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import reduce
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db import connection

from delivery import announcements
from delivery.contracts import Change
from delivery.feedback import engagement, suppressions
from delivery.feedback.matching import Matched, Row
from delivery.lifecycle import NEWS, STOPPING, EventKind, State, join
from delivery.registry import SIMULATOR, TEST
from notifysite.plumbing import ids

# What a provider says of a message it has taken; it may reject one without.
_PROVES_SENT = NEWS.keys() - {EventKind.REJECTED}

_KEEP = """
    INSERT INTO delivery_event (id, delivery_id, kind, provider, at, code, detail, machine)
    SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::smallint[], %s::text[], %s::timestamptz[],
        %s::text[], %s::text[], %s::bool[])
"""
# The lease stays: the worker that has the row still writes its attempt down, and no more. No news
# leaves a row ours to send, so none stays due. The ids once more: they name the months to look in.
_MOVE = """
    UPDATE delivery AS d SET state = u.state, reason = u.reason, due_at = NULL,
        sent_at = u.sent_at, delivered_at = u.delivered_at
    FROM unnest(%(ids)s::uuid[], %(states)s::smallint[], %(reasons)s::smallint[],
        %(sents)s::timestamptz[], %(delivereds)s::timestamptz[]
    ) AS u(id, state, reason, sent_at, delivered_at)
    WHERE d.id = ANY(%(ids)s::uuid[]) AND d.id = u.id
"""


def fold(told: Sequence[Matched]) -> None:
    """Write news down, with all that follows from it, in the caller's transaction.

    The rows are locked. Each report must be new.
    """
    if not told:
        return
    by_row = sorted(told, key=lambda one: one.row.id)
    pairs = [
        (row, after(row, list(group))) for row, group in groupby(by_row, key=lambda one: one.row)
    ]
    _keep(by_row)
    _move([(row, now) for row, now in pairs if row != now])
    suppressions.add(by_row)
    seen = engagement.keep(by_row)
    moved = [_change(now, since=row) for row, now in pairs if row.state != now.state]
    moved += [_change(now, since=now)._replace(seen=True) for _, now in pairs if now.id in seen]
    standing = {now.id: now for _, now in pairs}
    moved += [
        _change(standing[id_], since=standing[id_])._replace(
            provider=provider, moved=False, stopped=True
        )
        for id_, provider in sorted(_stopped(by_row))
    ]
    lanes = {row.id: row.lane for row, _ in pairs}
    announcements.announce_by_lane((lanes[change.delivery_id], change) for change in moved)


def _stopped(told: Iterable[Matched]) -> set[tuple[UUID, str]]:
    """Whose reader wants no more of it, by whose word; what was only simulated is nobody's."""
    return {
        (one.row.id, one.provider)
        for one in told
        if one.report.kind in STOPPING and one.provider not in (SIMULATOR, TEST)
    }


def engaged(told: Sequence[Matched]) -> None:
    """Keep what people and machines did, and announce it, in the caller's transaction.

    The rows are locked. For who sees it happen, and has no report to write down.
    """
    seen = engagement.keep(told)
    rows = {one.row.id: one.row for one in told if one.row.id in seen}
    announcements.announce_by_lane(
        (row.lane, _change(row, since=row)._replace(seen=True)) for row in rows.values()
    )


def after(row: Row, told: Iterable[Matched]) -> Row:
    """The row as news leaves it, whatever the order of it.

    When it was sent our own attempt knows best; where we have none, the earliest news does.
    """
    news = [one for one in told if one.report.kind in NEWS]
    standing = reduce(join, (NEWS[one.report.kind] for one in news), row.standing)
    sent_at = row.sent_at
    if not (sent_at and row.settled):
        sent_at = _earliest(sent_at, row, news, _PROVES_SENT)
    delivered_at = _earliest(row.delivered_at, row, news, {EventKind.DELIVERED})
    if sent_at and delivered_at:
        delivered_at = max(sent_at, delivered_at)  # our clocks and theirs differ
    return replace(
        row,
        state=int(standing.state),
        reason=standing.reason and int(standing.reason),
        sent_at=sent_at,
        delivered_at=delivered_at,
    )


def _earliest(
    known: datetime | None, row: Row, news: Iterable[Matched], kinds: Iterable[EventKind]
) -> datetime | None:
    moments = [row.moment(one.report.at) for one in news if one.report.kind in kinds]
    return min([*moments, known] if known else moments, default=None)


def _keep(told: Sequence[Matched]) -> None:
    reports = [one.report for one in told]
    with connection.cursor() as cursor:
        cursor.execute(
            _KEEP,
            [
                [ids.sibling(one.row.id) for one in told],
                [one.row.id for one in told],
                [int(report.kind) for report in reports],
                [one.provider for one in told],
                [one.row.moment(one.report.at) for one in told],
                [report.code for report in reports],
                [report.detail for report in reports],
                [report.machine for report in reports],
            ],
        )


def _move(pairs: Sequence[tuple[Row, Row]]) -> None:
    if not pairs:
        return
    rows = [now for _, now in pairs]
    values: dict[str, Any] = {
        "ids": [row.id for row in rows],
        "states": [row.state for row in rows],
        "reasons": [row.reason for row in rows],
        "sents": [row.sent_at for row in rows],
        "delivereds": [row.delivered_at for row in rows],
    }
    with connection.cursor() as cursor:
        cursor.execute(_MOVE, values)


def _change(row: Row, *, since: Row) -> Change:
    """What an announcement says; how long it took only where no settle will say it."""
    first = row.sent_at if since.sent_at is None and since.state != State.SENDING else None
    return Change(
        row.id,
        row.notification_id,
        row.recipient_id,
        row.channel,
        row.state,
        row.reason,
        row.provider,
        row.mode,
        row.step,
        queued_seconds=max(0.0, (first - row.accepted_at).total_seconds()) if first else None,
    )
