"""A provider is down, or slow beyond words: it is left alone, and nobody else is held up."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.chaos.faults import fault
from tests.chaos.stand.program import wait_until
from tests.chaos.stand.scene import Scene

EMAIL, SMS = 1, 2
CACHE_SECONDS = 2.0  # a worker may know for a second longer that a breaker is closed, and sends
DRAINED_WITHIN = 120.0  # seconds after the recovery
CALL_SECONDS = 10.0  # what the adapter gives a call in all
SLOWER = 1.2  # than without the fault: what another provider's messages may become
PAUSE = 0.2  # seconds between two requests of each kind
LEAST_BEHIND = 60  # messages that wait when an outage begins


@dataclass(frozen=True, slots=True)
class Outage:
    seconds: float
    quiet: float  # seconds without a fault, before and after, to compare with
    workers: int = 3
    judged: bool = True  # a few messages are too few to compare times by


@fault(
    "F15",
    "the provider answers 503 to all",
    full=Outage(seconds=300.0, quiet=90.0),
    short=Outage(seconds=40.0, quiet=10.0, judged=False),
)
def test_a_provider_that_is_down_is_probed_and_nothing_else(scene: Scene, scale: Outage) -> None:
    start(scene, workers=scale.workers)
    with letters(scene):
        calm = [spell(scene, scale.quiet)]
        scene.provider.tell("acme", {"do": "answer", "status": 503})
        scene.load.post(LEAST_BEHIND)
        began, probes = scene.database.now(), watch(scene, seconds=scale.seconds)
        scene.provider.tell("acme")
        outage = (began, scene.database.now())
    drained = drain(scene, before=outage[1], probes=probes)
    calm.append(spell(scene, scale.quiet))
    scene.load.finish()

    judge_breaker(scene, probes=len(probes))
    # The last try of each was the one that went through.
    lost = scene.database.number("SELECT max(attempts) - 1 FROM delivery WHERE channel = 1")
    scene.note(drained_seconds=drained, most_tries_lost=lost)
    scene.demand("no message loses more than two tries to it", lost <= 2)
    scene.demand("all is sent two minutes after its recovery", drained <= DRAINED_WITHIN)
    judge_bystander(scene, calm=calm, rough=[outage], judged=scale.judged)
    scene.judge()


@dataclass(frozen=True, slots=True)
class Loris:
    times: int
    spell: float  # seconds of each kind of time
    workers: int = 3
    judged: bool = True


@fault(
    "F18",
    "every call of a provider is answered one byte a second",
    full=Loris(times=3, spell=45.0),
    short=Loris(times=1, spell=15.0, judged=False),
)
def test_a_slow_provider_holds_up_only_its_own(scene: Scene, scale: Loris) -> None:
    start(scene, workers=scale.workers)
    calm, rough = [], []
    with letters(scene):
        for _ in range(scale.times):
            calm.append(spell(scene, scale.spell))
            scene.provider.tell("acme", {"do": "trickle"})
            scene.load.post(LEAST_BEHIND)
            rough.append(spell(scene, scale.spell))
            scene.provider.tell("acme")
            time.sleep(CALL_SECONDS)  # calls of the slow time that still run
    scene.load.finish()

    calls, longest = scene.database.sql(
        "SELECT count(*), coalesce(max(took_ms), 0) / 1000.0 FROM delivery_attempt"
        " WHERE provider = 'acme' AND outcome = 7"
    )[0]
    scene.note(slow_calls=calls, longest_call_seconds=float(longest))
    scene.demand("calls were slow", calls > 0)
    scene.demand("each call ends a second after its time", longest <= CALL_SECONDS + 1)
    judge_bystander(scene, calm=calm, rough=rough, judged=scale.judged)
    scene.judge()


def start(scene: Scene, *, workers: int) -> None:
    """Letters leave by acme; texts, sent all the time, by zenith."""
    scene.start(workers={"default": workers}, CHAOS_ROUTE_SMS="zenith")
    scene.load.begin(type="text", threads=1, pause=PAUSE)
    # Whatever is done once per process is done before anything is measured.
    scene.load.send(20 * workers, per_request=workers)
    wait_until(lambda: scene.delivered() > 40 * workers, "all had begun to work", within=120)


@contextmanager
def letters(scene: Scene) -> Iterator[None]:
    """Letters are posted at an even pace meanwhile."""
    over = threading.Event()

    def post() -> None:
        while not over.wait(PAUSE):
            scene.load.post()

    thread = threading.Thread(target=post, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


Spell = tuple[float, float]


def spell(scene: Scene, seconds: float) -> Spell:
    """Let some time pass; returns when that was, by the database's clock."""
    began = scene.database.now()
    time.sleep(seconds)
    return began, scene.database.now()


def watch(scene: Scene, *, seconds: float) -> set[Any]:
    """Let some time pass; returns the times for which probes were planned meanwhile."""
    probes: set[Any] = set()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        note_probe(scene, probes)
        time.sleep(0.2)
    return probes


def note_probe(scene: Scene, probes: set[Any]) -> None:
    probes |= {
        until
        for (until,) in scene.database.sql(
            "SELECT until FROM delivery_breaker WHERE provider = 'acme' AND until IS NOT NULL"
        )
    }


def drain(scene: Scene, *, before: float, probes: set[Any]) -> float:
    """Wait until all letters of the outage have been sent; the seconds since it was over."""
    waiting = (
        "SELECT count(*) FROM delivery WHERE channel = %s AND state IN (1, 2)"
        " AND accepted_at < to_timestamp(%s)"
    )

    def sent() -> bool:
        note_probe(scene, probes)
        return scene.database.number(waiting, [EMAIL, before]) == 0

    wait_until(sent, "the letters of the outage were sent", within=2 * DRAINED_WITHIN)
    return scene.database.now() - before


def judge_breaker(scene: Scene, *, probes: int) -> None:
    """While the breaker was open there was a call for each time that it let one through."""
    switched = scene.database.sql(
        "SELECT action, extract(epoch FROM at)::float8 FROM audit_entry"
        " WHERE target = 'provider:acme' AND action LIKE 'breaker.%' ORDER BY id"
    )
    opened = [at for action, at in switched if action == "breaker.opened"]
    closed = [at for action, at in switched if action == "breaker.closed"]
    calls = [
        call["at"]
        for call in scene.provider.calls()
        if call["account"] == "acme" and within(call["at"], opened, closed)
    ]
    scene.note(opened=len(opened), open_periods=probes, calls_while_open=len(calls))
    scene.demand("the breaker opened, and closed", opened and len(opened) == len(closed))
    scene.demand("there is one probe in each open period", len(calls) <= probes)


def within(at: float, opened: Sequence[float], closed: Sequence[float]) -> bool:
    """Whether a call fell into a time in which every worker knew the breaker to be open."""
    return any(begin + CACHE_SECONDS < at < end for begin, end in zip(opened, closed, strict=False))


def judge_bystander(
    scene: Scene, *, calm: Sequence[Spell], rough: Sequence[Spell], judged: bool
) -> None:
    """Texts leave as soon as they do without the fault."""
    without, during = p95(scene, calm), p95(scene, rough)
    scene.note(text_p95_without=without, text_p95_during=during, ratio=during / without)
    if judged:
        scene.demand("another provider's messages leave as soon", during <= SLOWER * without)


def p95(scene: Scene, spells: Sequence[Spell]) -> float:
    """Seconds from acceptance to sent, for 95 of 100 texts that were accepted in these times."""
    seconds = sorted(
        took
        for began, ended in spells
        for (took,) in scene.database.sql(
            "SELECT extract(epoch FROM sent_at - accepted_at)::float8 FROM delivery"
            " WHERE channel = %s AND sent_at IS NOT NULL"
            " AND accepted_at BETWEEN to_timestamp(%s) AND to_timestamp(%s)",
            [SMS, began, ended],
        )
    )
    assert seconds, "no text was sent in that time"
    return seconds[int(len(seconds) * 0.95)]
