"""Whether this installation can do its work now, part by part, and what to do where it cannot."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import DatabaseError, InterfaceError, connection

from notifications.monitoring.queues import queues
from notifysite.plumbing import partitions

PUMP_SECONDS = 15  # it beats every second
# Work this old should have been taken, by a worker or by the pump itself.
NEGLECTED_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part: well, or what is wrong and what to do about it."""

    name: str
    ready: bool
    detail: str = ""
    advice: str = ""


def parts() -> list[Part]:
    """Every part; without the database nothing else can be asked."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return [Part(name="database", ready=True), _partitions(), *_processes()]
    except (DatabaseError, InterfaceError) as error:
        return [
            Part(
                name="database",
                ready=False,
                detail=f"It does not answer: {type(error).__name__}.",
                advice="Start PostgreSQL, and see that DATABASE_URL names it.",
            )
        ]


def _partitions() -> Part:
    health = partitions.health(datetime.now(UTC))
    if health.well:
        return Part(name="partitions", ready=True)
    missing = f"Missing: {', '.join(health.missing)}. " if health.missing else ""
    stray = f"Rows outside every month in: {', '.join(health.stray)}." if health.stray else ""
    return Part(
        name="partitions",
        ready=False,
        detail=f"{missing}{stray}".strip(),
        advice="The pump makes months ahead each minute: see that it runs. Move stray rows out of "
        "the default partition.",
    )


_BEATS = """
    SELECT min(EXTRACT(epoch FROM clock_timestamp() - at)) FILTER (WHERE kind = 'pump')::float8,
        min(EXTRACT(epoch FROM clock_timestamp() - consumed_at))::float8
    FROM heartbeat
"""


def _processes() -> Iterator[Part]:
    with connection.cursor() as cursor:
        cursor.execute(_BEATS)
        pump, consumed = cursor.fetchone()
    yield _pump(pump)
    yield _workers(consumed)


def _pump(age: float | None) -> Part:
    if age is not None and age <= PUMP_SECONDS:
        return Part(name="pump", ready=True)
    return Part(
        name="pump",
        ready=False,
        detail="It has never run." if age is None else f"Its last sign is {age:.0f} s old.",
        advice="Start `manage.py pump`; any number may run.",
    )


def _workers(consumed: float | None) -> Part:
    waited = max(queue.oldest for queue in queues())
    lately = consumed is not None and consumed <= NEGLECTED_SECONDS
    if lately or waited <= NEGLECTED_SECONDS:
        return Part(name="workers", ready=True)
    seen = "no worker has ever taken any" if consumed is None else f"none for {consumed:.0f} s"
    return Part(
        name="workers",
        ready=False,
        detail=f"Work is due since {waited:.0f} s and {seen}.",
        advice="Start a worker for every lane: `celery -A notifysite worker -Q critical,default,"
        "bulk`, and see that CELERY_BROKER_URL names a broker that runs.",
    )
