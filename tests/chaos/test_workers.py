"""Workers die: what they had claimed is sent by others, and what they were handing over is known
to be uncertain."""

import time
from dataclasses import dataclass

from tests.chaos.faults import fault
from tests.chaos.stand.scene import Scene

FLIGHT = 8  # messages one worker hands over at a time


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
    scene.demand("all is sent within a minute of the last kill", drained <= 60)
    scene.judge()


def kill_at_work(scene: Scene, times: int) -> int:
    """Kill workers that are in the middle of their work, each time one chosen by lot; returns how
    often it could."""
    for kill in range(times):
        while not (working := scene.at_work()):
            if scene.open_work() == 0:
                return kill
            time.sleep(0.05)
        time.sleep(scene.luck.uniform(0.0, 0.5))
        scene.luck.choice(working).kill()
    return times
