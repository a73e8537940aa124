"""People who unsubscribed at a provider, or complained there: their wishes say so from then on."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

import structlog
from django.db import connection
from django.utils import timezone

from delivery.contracts import Change
from notifysite.plumbing.partitions import WITHIN, span
from notifysite.plumbing.statements import Statement, array
from preferences import wishes
from preferences.wishes import By, EditsInvalid, RecipientGone

log = structlog.get_logger(__name__)

LONGEST_SOURCE = 40

_CATEGORIES = Statement(f"""
    SELECT n.id, c.key
    FROM notification AS n
    JOIN notification_type AS t ON t.id = n.type_id
    JOIN category AS c ON c.id = t.category_id
    WHERE n.id = ANY(%(ids)s::uuid[]) AND {WITHIN.format(id="n.id")}
""")  # noqa: S608


class _Stop(NamedTuple):
    """One person, one category, one channel; in this order people are locked."""

    recipient_id: int
    category: str
    channel: int
    provider: str


def observe(changes: Sequence[Change]) -> None:
    """Switch off what people stopped, in the transaction that consumes the changes.

    It locks people, so it comes before observers that lock notifications.
    """
    stopped = [change for change in changes if change.stopped]
    if not stopped:
        return
    categories = _categories({change.notification_id for change in stopped})
    for stop in sorted(_stops(stopped, categories)):
        _switch_off(stop)


def _categories(notifications: set[UUID]) -> dict[UUID, str]:
    ids = sorted(notifications)
    with connection.cursor() as cursor:
        _CATEGORIES.run(cursor, ids=array(ids), **span(ids))
        return dict(cursor.fetchall())


def _stops(stopped: Iterable[Change], categories: Mapping[UUID, str]) -> set[_Stop]:
    return {
        _Stop(
            change.recipient_id,
            categories[change.notification_id],
            change.channel,
            change.provider,
        )
        for change in stopped
        if change.notification_id in categories
    }


def _switch_off(stop: _Stop) -> None:
    by = By(
        actor=f"provider:{stop.provider}",
        source=f"unsubscribe:{stop.provider}"[:LONGEST_SOURCE],
    )
    try:
        wishes.set_choice(
            stop.recipient_id,
            category=stop.category,
            channel=stop.channel,
            enabled=False,
            by=by,
            now=timezone.now(),
        )
    except RecipientGone:
        return
    except EditsInvalid as error:
        # Of a mandatory category one channel stays.
        codes = sorted(fault.code for fault in error.faults)
        log.warning("opt_out_not_possible", category=stop.category, codes=codes)
