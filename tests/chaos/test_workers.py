"""Workers die: what they had claimed is sent by others, and what they were handing over is known
to be uncertain."""

import time
from dataclasses import dataclass

from tests.chaos.faults import BROKERS, fault
from tests.chaos.stand.crew import await_web
from tests.chaos.stand.scene import Scene

FLIGHT = 8  # messages one worker hands over at a time
DRAINED_WITHIN = 60.0  # seconds from the last kill until all is sent
ENDED_WITHIN = 35.0  # seconds from SIGTERM until a process is gone
MOST_TRIES = 5
LANES = {"default": "letter", "critical": "urgent", "bulk": "offer"}  # and a type that rides it


@dataclass(frozen=True, slots=True)
class Kills:
    recipients: int
    times: int
    workers: int = 2


@fault(
    "F01",
    "kill -9 of a worker's main process, again and again",
    full=Kills(recipients=10_000, times=50, workers=4),
    short=Kills(recipients=300, times=3),
    brokers=BROKERS,
)
def test_a_killed_worker_loses_nothing(scene: Scene, scale: Kills) -> None:
    scene.start(workers={"default": scale.workers}, ACME_THREADS=str(FLIGHT))
    scene.provider.tell(delay=0.1)
    scene.load.send(scale.recipients, per_request=min(1000, scale.recipients // 3))

    kills = kill_at_work(scene, scale.times)
    drained = scene.come_to_rest()
    found = scene.compare()

    scene.note(kills=kills, most_copies=found.most_copies, drained_seconds=drained)
    scene.demand("every kill found work to interrupt", kills == scale.times)
    scene.demand("one kill makes at most one flight uncertain", found.unknown <= kills * FLIGHT)
    scene.demand("nobody gets a message more than twice", found.most_copies <= 2)
    scene.demand("all is sent within a minute of the last kill", drained <= DRAINED_WITHIN)
    scene.judge()


@fault(
    "F02",
    "kill -9 of all a worker is made of, in every lane",
    full=Kills(recipients=9_000, times=100),
    short=Kills(recipients=300, times=4, workers=1),
)
def test_killed_workers_of_every_lane_lose_nothing(scene: Scene, scale: Kills) -> None:
    scene.start(workers=dict.fromkeys(LANES, scale.workers), ACME_THREADS=str(FLIGHT))
    scene.provider.tell(delay=0.1)
    for kind in LANES.values():
        scene.load.send(scale.recipients // len(LANES), type=kind, per_request=100)

    kills = kill_at_work(scene, scale.times, whole_group=True)
    drained = scene.come_to_rest()
    found = scene.compare()

    tries = scene.database.number("SELECT max(attempts) FROM delivery")
    scene.note(kills=kills, most_tries=tries, drained_seconds=drained)
    scene.demand("one kill makes at most one flight uncertain", found.unknown <= kills * FLIGHT)
    scene.demand("no message is tried more than five times", tries <= MOST_TRIES)
    scene.judge()


def kill_at_work(scene: Scene, times: int, *, whole_group: bool = False) -> int:
    """Kill workers while messages are on their way, each time one chosen by lot; returns how often
    it could."""
    for kill in range(times):
        while not (scene.being_sent() and (working := scene.at_work())):
            if scene.open_work() == 0:
                return kill
            time.sleep(0.05)
        time.sleep(scene.luck.uniform(0.0, 0.3))
        victim = scene.luck.choice(working)
        victim.kill_group() if whole_group else victim.kill()
    return times


@dataclass(frozen=True, slots=True)
class Restarts:
    times: int
    recipients: int  # per request


@fault(
    "F04",
    "SIGTERM to one process after the other while clients post",
    full=Restarts(times=10, recipients=10),
    short=Restarts(times=1, recipients=5),
)
def test_a_rolling_restart_loses_and_doubles_nothing(scene: Scene, scale: Restarts) -> None:
    scene.start(web=2, workers={"default": 2}, ACME_THREADS=str(FLIGHT))
    scene.provider.tell(delay=0.1)
    scene.load.begin(per_request=scale.recipients, threads=2, pause=0.2)
    slowest = 0.0
    for _ in range(scale.times):
        for program in scene.crew:
            time.sleep(scene.luck.uniform(0.5, 1.5))
            slowest = max(slowest, program.terminate())
            await_web(scene.crew)  # the next is not stopped before this one is back
    scene.load.finish()
    found = scene.rested()

    scene.note(restarts=scale.times * len(list(scene.crew)), slowest_end_seconds=slowest)
    scene.note(said=scene.load.said())
    scene.demand("nothing is sent twice", found.copies == 0)
    scene.demand("no answer is lost", found.unknown == 0)
    scene.demand("every process ends within 35 s", slowest <= ENDED_WITHIN)
    scene.judge()
