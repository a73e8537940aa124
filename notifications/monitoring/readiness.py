"""Whether this installation can do its work now, part by part, and what to do where it cannot."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import DatabaseError, InterfaceError, connection

from notifications import heartbeats
from notifications.monitoring.queues import queues
from notifications.words import Lane
from notifysite.plumbing import partitions

PUMP_SECONDS = 15  # it beats every second
# Work this old should have been taken, by a worker or by the pump itself; and a worker that runs
# takes a nudge four times as often, be there work or not.
NEGLECTED_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part: what is wrong or will soon be, and what to do about it.

    Not ready is only what keeps this installation from its work: a load balancer believes it.
    """

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
        advice="Each minute the pump makes months ahead, and those of stray rows: see that it "
        "runs. Where rows were stray, see that the clock is right.",
    )


def _processes() -> Iterator[Part]:
    signs = heartbeats.signs()
    yield _pump(signs.get(heartbeats.PUMP))
    yield _workers(signs)


def _pump(sign: heartbeats.Sign | None) -> Part:
    if sign is not None and sign.age <= PUMP_SECONDS:
        return Part(name="pump", ready=True)
    return Part(
        name="pump",
        ready=False,
        detail="It has never run." if sign is None else f"Its last sign is {sign.age:.0f} s old.",
        advice="Start `manage.py pump`; any number may run.",
    )


def _workers(signs: Mapping[str, heartbeats.Sign]) -> Part:
    waited = dict.fromkeys(Lane, 0.0)
    for queue in queues():
        waited[queue.lane] = max(waited[queue.lane], queue.oldest)
    troubles = {lane: _trouble(signs.get(heartbeats.worker_of(lane))) for lane in Lane}
    lanes = [lane for lane in Lane if troubles[lane]]
    if not lanes:
        return Part(name="workers", ready=True)
    return Part(
        name="workers",
        ready=all(waited[lane] <= NEGLECTED_SECONDS for lane in lanes),
        detail=" ".join(_told(lane, troubles[lane], waited[lane]) for lane in lanes),
        advice=_advice(lanes, signs.get(heartbeats.PUMP)),
    )


def _trouble(sign: heartbeats.Sign | None) -> str:
    if sign is None or not sign.alive:
        return "no worker runs"
    if sign.took is None:
        return "its workers have taken no nudge yet"
    if sign.took > NEGLECTED_SECONDS:
        return f"its workers took no nudge for {sign.took:.0f} s"
    return ""


def _told(lane: Lane, trouble: str, waited: float) -> str:
    due = f"; work is due since {waited:.0f} s" if waited > NEGLECTED_SECONDS else ""
    return f"{lane.name.capitalize()}: {trouble}{due}."


def _advice(lanes: Sequence[Lane], pump: heartbeats.Sign | None) -> str:
    if pump is not None and (pump.nudged is None or pump.nudged > NEGLECTED_SECONDS):
        return (
            "The broker takes no nudges from the pump, which works in the workers' place: see that "
            "the broker runs, and that CELERY_BROKER_URL names it."
        )
    names = ",".join(lane.name.lower() for lane in lanes)
    return (
        f"Start workers for it: `celery -A notifysite worker --pool=solo -Q {names}`, with the "
        "CELERY_BROKER_URL of the pump. One that runs and takes nothing ends by itself after a "
        "while: see that something starts it again."
    )
