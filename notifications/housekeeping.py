"""Keep house: months ahead, figures folded, and what is too old gone, a little at a time.

The pump does it once a minute, and beat may too: whoever comes second finds it locked and leaves.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog
from django.db import DatabaseError, connection, transaction
from django.db.models.functions import Now

from delivery.models import Pace
from notifications import figures, retention
from notifications.attachments import store
from notifications.planning import secrets
from notifysite.plumbing import partitions
from notifysite.plumbing.batches import drain

log = structlog.get_logger(__name__)

BATCH = 5_000
EVERY_SECONDS = 60.0
# The pump has other work: what is left is for the next minute.
BUDGET_SECONDS = 2.0
DAILY, SOON = timedelta(days=1), timedelta(minutes=10)

_RETENTION = "retention"
_LOCK = 7_310_011  # the advisory lock of whoever keeps house
# Making a month locks its table: rather try again than hold up the queue behind us.
_LOCK_TIMEOUT = "SET LOCAL lock_timeout = '1s'"

_BY_AGE = """
    DELETE FROM {table} WHERE id IN (
        SELECT id FROM {table} WHERE created_at < clock_timestamp() - interval '{age}'
        ORDER BY created_at LIMIT %s FOR UPDATE SKIP LOCKED
    )
"""
# Without an index on the age: ids rise with it, so only the lowest need a look.
_BY_ID = """
    DELETE FROM {table} WHERE id IN (SELECT id FROM {table} ORDER BY id LIMIT %s)
        AND created_at < clock_timestamp() - interval '{age}'
"""
_SAMPLES = """
    DELETE FROM delivery_sample WHERE id IN (SELECT id FROM delivery_sample ORDER BY id LIMIT %s)
        AND at < clock_timestamp() - interval '1 hour'
"""
_SESSIONS = """
    DELETE FROM django_session WHERE session_key IN (
        SELECT session_key FROM django_session WHERE expire_date < clock_timestamp()
        ORDER BY expire_date LIMIT %s FOR UPDATE SKIP LOCKED
    )
"""
_BY_NAME = """
    DELETE FROM {table} WHERE name IN (
        SELECT name FROM {table} WHERE at < clock_timestamp() - interval '1 day'
        LIMIT %s FOR UPDATE SKIP LOCKED
    )
"""
# Over for a month, one holds nothing back and is in nobody's way; that it was set is in the audit
# trail, with its end. One that is set again meanwhile is locked, and stays.
_SUPPRESSIONS = """
    DELETE FROM suppression WHERE id IN (
        SELECT id FROM suppression WHERE expires_at < clock_timestamp() - interval '30 days'
        ORDER BY expires_at LIMIT %s FOR UPDATE SKIP LOCKED
    )
"""
_OLD: Mapping[str, str] = {
    "idempotency_keys": _BY_AGE.format(table="idempotency_key", age="7 days"),
    "news": _BY_ID.format(table="delivery_news", age="90 days"),
    "sandbox_messages": _BY_ID.format(table="sandbox_message", age="30 days"),
    "samples": _SAMPLES,
    "sessions": _SESSIONS,
    "suppressions": _SUPPRESSIONS,
    "heartbeats": _BY_NAME.format(table="heartbeat"),
    "call_counts": _BY_NAME.format(table="api_call_count"),
}


def keep(*, budget: float = BUDGET_SECONDS) -> dict[str, int]:
    """Do what is to be done for `budget` seconds; returns how many rows of each kind.

    Empty when somebody else is at it.
    """
    done: dict[str, int] = {}
    until = time.monotonic() + budget
    with alone() as mine:
        if not mine:
            return done
        done["months"] = _months_ahead()
        done["figures"] = drain(figures.fold, batch=figures.FOLD_BATCH, until=until)
        done["secrets"] = secrets.sweep(BATCH)
        for name, statement in _OLD.items():
            done[name] = drain(partial(_delete, statement), batch=BATCH, until=until)
        done["attachments"] = drain(store.forget, batch=store.FORGET_BATCH, until=until)
        done |= _retain(until)
    return done


class Minutes:
    """Keeps house once a minute, however often it is called."""

    def __init__(self) -> None:
        self._next = 0.0

    def keep(self) -> None:
        """Keep house when a minute has passed since the last time."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + EVERY_SECONDS
            keep()


@contextmanager
def alone() -> Iterator[bool]:
    """Whether nobody else keeps house now; nobody else begins meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
        (mine,) = cursor.fetchone()
        try:
            yield mine
        finally:
            if mine:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def _months_ahead() -> int:
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(_LOCK_TIMEOUT)
            return len(partitions.ensure_months(datetime.now(UTC)))
    except DatabaseError as error:
        log.warning("months_not_made", error=type(error).__name__)
        return 0


def _retain(until: float) -> dict[str, int]:
    """Let go what is too old, once a day; soon again where something was in the way."""
    if Pace.objects.filter(name=_RETENTION, until__gt=Now()).exists():
        return {}
    now = datetime.now(UTC)
    aged = retention.drop(now, actor="system")
    done = {"old_months": sum(not one.stays for one in aged), **retention.sweep(now, until=until)}
    in_the_way = time.monotonic() >= until or any(one.stays == retention.BUSY for one in aged)
    Pace.objects.update_or_create(
        name=_RETENTION, defaults={"until": Now() + (SOON if in_the_way else DAILY)}
    )
    return done


def _delete(statement: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, [BATCH])
        return int(cursor.rowcount)
