"""How endpoints fare, by what became of their callbacks: they rest while they fail, and one that
has failed for five days, or says that it is gone, is disabled."""

from collections.abc import Iterable, Sequence
from typing import Final

import structlog
from django.db import connection

from delivery.contracts import Change
from delivery.lifecycle import Reason, State
from notifications.words import Disabled
from notifysite.plumbing import audit
from notifysite.plumbing.partitions import WITHIN, span
from notifysite.plumbing.statements import Statement

log = structlog.get_logger(__name__)

# The whole schedule of a callback, and a weekend.
PATIENCE: Final = 120 * 3600.0
# As a breaker does: a quarter of the outage so far, at most so many seconds.
LONGEST_REST: Final = 15 * 60

_TAKEN = frozenset({State.SENT, State.DELIVERED})

_ENDPOINTS = Statement(f"""
    SELECT id, endpoint_id FROM callback
    WHERE id = ANY(%(ids)s::uuid[]) AND {WITHIN.format(id="id")}
""")  # noqa: S608
# In id order, so that two that judge the same ones wait and never deadlock.
_LOCK = "SELECT id FROM callback_endpoint WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
_WELL = """
    UPDATE callback_endpoint SET failing_since = NULL, rests_until = NULL
    WHERE id = ANY(%s) AND failing_since IS NOT NULL
"""
_FAILED = f"""
    UPDATE callback_endpoint SET failing_since = COALESCE(failing_since, clock_timestamp()),
        rests_until = clock_timestamp() + LEAST(interval '{LONGEST_REST} seconds',
            (clock_timestamp() - COALESCE(failing_since, clock_timestamp())) / 4)
    WHERE id = ANY(%s) AND enabled
"""  # noqa: S608 - a constant of ours
_DISABLE = """
    UPDATE callback_endpoint
    SET enabled = false, disabled_reason = %(reason)s, disabled_at = clock_timestamp()
    WHERE id = ANY(%(ids)s) AND enabled
        AND failing_since <= clock_timestamp() - %(after)s * interval '1 second'
    RETURNING id
"""


def judge(changes: Sequence[Change]) -> None:
    """Take word of callbacks, in the caller's transaction."""
    tried = [change for change in changes if change.call_seconds is not None and change.moved]
    if not tried:
        return
    ids = [change.delivery_id for change in tried]
    with connection.cursor() as cursor:
        _ENDPOINTS.run(cursor, ids=ids, **span(ids))
        of = dict(cursor.fetchall())
    told = [(of[change.delivery_id], change) for change in tried if change.delivery_id in of]
    well = {endpoint for endpoint, change in told if change.state in _TAKEN}
    gone = {endpoint for endpoint, change in told if change.reason == Reason.ADDRESS_DEAD}
    failed = {endpoint for endpoint, _ in told} - well - gone
    # Most of the time all goes well, and nothing is written.
    _note(well, failed | gone)
    _disable(gone, Disabled.GONE)
    _disable(failed, Disabled.FAILING, after=PATIENCE)


def _note(well: Iterable[int], failed: Iterable[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [sorted({*well, *failed})])
        cursor.execute(_WELL, [sorted(well)])
        if failed:
            cursor.execute(_FAILED, [sorted(failed)])


def _disable(endpoints: Iterable[int], why: Disabled, *, after: float = 0.0) -> None:
    wanted = sorted(endpoints)
    if not wanted:
        return
    with connection.cursor() as cursor:
        cursor.execute(_DISABLE, {"ids": wanted, "reason": int(why), "after": after})
        ended = [id_ for (id_,) in cursor.fetchall()]
    for id_ in ended:
        log.warning("callback_endpoint_disabled", endpoint=id_, why=why.name.lower())
    audit.record_all(
        actor="system",
        action="callback_endpoint.disabled",
        targets=[f"callback_endpoint:{id_}" for id_ in ended],
        detail={"reason": why.name.lower()},
    )


_STANDINGS = """
    SELECT count(*) FILTER (WHERE enabled AND failing_since IS NULL),
        count(*) FILTER (WHERE enabled AND failing_since IS NOT NULL),
        count(*) FILTER (WHERE NOT enabled)
    FROM callback_endpoint
"""


def standings() -> dict[str, int]:
    """How many endpoints are well, failing and disabled."""
    with connection.cursor() as cursor:
        cursor.execute(_STANDINGS)
        return dict(zip(("well", "failing", "disabled"), cursor.fetchone(), strict=True))
