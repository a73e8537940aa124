"""Under steady load for long, nothing grows and nothing slows down."""

import time
from dataclasses import dataclass
from statistics import mean, median

from tests.chaos.faults import fault
from tests.chaos.stand.gauges import Gauges, Look
from tests.chaos.stand.program import wait_until
from tests.chaos.stand.scene import Scene

LOAD = 0.7  # of what it can do
CLIENTS = 4
MOST_GROWTH = 1.05  # of memory
MOST_DRIFT = 1.10  # of the time from acceptance to sent
LATENCY = """
    SELECT percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM sent_at - accepted_at))
    FROM delivery WHERE sent_at IS NOT NULL AND accepted_at BETWEEN to_timestamp(%s)
        AND to_timestamp(%s)
"""
Spell = tuple[float, float]  # of the database's clock


@dataclass(frozen=True, slots=True)
class Soak:
    warming: float  # seconds until caches are full; not judged
    seconds: float
    judged: bool = True  # a minute says little about growth


@fault(
    "F35",
    "nothing; ten minutes at 70 % of what it can do",
    full=Soak(warming=60.0, seconds=600.0),
    short=Soak(warming=5.0, seconds=20.0, judged=False),
)
def test_nothing_grows_under_steady_load(scene: Scene, scale: Soak) -> None:
    scene.start(workers={"default": 2}, beat=1)
    scene.provider.tell(delay=0.02)
    capacity = measured(scene, scale.warming)
    pause = CLIENTS / (LOAD * capacity)
    with Gauges(scene.crew, scene.database) as gauges:
        scene.load.begin(threads=CLIENTS, pause=pause)
        time.sleep(scale.warming)
        thirds = [(spell(scene, scale.seconds / 3)) for _ in range(3)]
        scene.load.finish()

    (first, early), _, (last, late) = thirds
    growth = grown(gauges.between(*early), gauges.between(*late))
    worst = max(growth, key=lambda name: growth[name])
    before, after = connections(gauges.between(*early)), connections(gauges.between(*late))
    p99 = [scene.database.number(LATENCY, each) for each in (first, last)]
    scene.note(per_second=LOAD * capacity, sent=scene.delivered())
    scene.note(most_growth=f"{growth[worst]:.3f} ({worst})", connections=f"{before}-{after}")
    scene.note(p99_first=p99[0], p99_last=p99[1], drift=p99[1] / p99[0])
    if scale.judged:
        scene.demand("no process grows by more than 5 %", growth[worst] <= MOST_GROWTH)
        scene.demand("it holds no more connections", after <= before)
        scene.demand("it becomes no slower than by 10 %", p99[1] <= MOST_DRIFT * p99[0])
    scene.judge()


def measured(scene: Scene, seconds: float) -> float:
    """How many messages a second it can take and send: posted one by one, without a pause."""
    wait_until(lambda: scene.load.post() and scene.delivered(), "it sends", within=120)
    began, before = time.monotonic(), scene.delivered()
    scene.load.begin(threads=CLIENTS)
    time.sleep(seconds)
    scene.load.finish()
    scene.come_to_rest()
    return (scene.delivered() - before) / (time.monotonic() - began)


def spell(scene: Scene, seconds: float) -> tuple[Spell, Spell]:
    """Let some time pass; returns when that was, by the database's clock and by ours."""
    began = scene.database.now(), time.monotonic()
    time.sleep(seconds)
    ended = scene.database.now(), time.monotonic()
    return (began[0], ended[0]), (began[1], ended[1])


def grown(early: list[Look], late: list[Look]) -> dict[str, float]:
    """How much each process takes late, as a share of what it took early."""
    names = early[0].memory.keys() & late[-1].memory.keys()
    return {
        name: mean(look.memory[name] for look in late) / mean(look.memory[name] for look in early)
        for name in names
    }


def connections(looks: list[Look]) -> float:
    """How many there are, typically."""
    return median(look.connections for look in looks)
