"""Workers die while they make the notifications of an audience: each of its people has exactly
one."""

import time
from dataclasses import dataclass

from tests.chaos.faults import fault
from tests.chaos.stand.scene import Scene

MAKING = "SELECT count(*) FROM audience WHERE status IN (1, 2)"
MADE = "SELECT count(*) FROM notification"
PEOPLE = "SELECT count(DISTINCT recipient_id) FROM notification"


@dataclass(frozen=True, slots=True)
class Crowd:
    people: int
    chunk: int
    kills: int
    workers: int = 2


@fault(
    "F37",
    "kill -9 of workers while an audience becomes notifications",
    full=Crowd(people=20_000, chunk=100, kills=30),
    short=Crowd(people=1_200, chunk=20, kills=3),
)
def test_killed_workers_leave_nobody_out_and_take_nobody_twice(scene: Scene, scale: Crowd) -> None:
    scene.start(workers={"bulk": scale.workers}, AUDIENCE_CHUNK=str(scale.chunk))
    url = scene.load.fan_out(scale.people, type="bell")

    kills = kill_while_made(scene, scale.kills)
    while scene.database.number(MAKING):
        time.sleep(0.1)
    scene.load.credit([id_ for (id_,) in scene.database.sql("SELECT id::text FROM notification")])
    told = scene.load.ask("GET", url).json()

    made, people = scene.database.number(MADE), scene.database.number(PEOPLE)
    scene.note(kills=kills, made=made, people=people)
    scene.demand("it is done, and says how many it made", told["status"] == "done")
    scene.demand("it counts what it made", told["notifications"] == made)
    scene.demand("each has exactly one", made == people == scale.people)
    scene.demand("there was something to interrupt", kills > 0)
    scene.judge()


def kill_while_made(scene: Scene, times: int) -> int:
    """Kill workers while notifications are being made, each time one chosen by lot; returns how
    often it could."""
    for kill in range(times):
        while not (working := scene.at_work()):
            if not scene.database.number(MAKING):
                return kill
            time.sleep(0.02)
        time.sleep(scene.luck.uniform(0.0, 0.3))
        if not scene.database.number(MAKING):
            return kill
        scene.luck.choice(working).kill()
    return times
