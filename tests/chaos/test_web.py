"""The API dies, or loses its database, between a request and its answer: the client asks again
with its key, and exactly one notification comes of it."""

import time
from dataclasses import dataclass

from tests.chaos.faults import fault
from tests.chaos.stand.crew import await_web
from tests.chaos.stand.scene import Scene


@dataclass(frozen=True, slots=True)
class Posting:
    times: int
    recipients: int = 3  # per request
    clients: int = 2


@fault(
    "F05",
    "kill -9 of a web process while clients post",
    full=Posting(times=50, clients=4),
    short=Posting(times=2),
    in_suite=True,
)
def test_a_killed_web_process_loses_and_doubles_no_request(scene: Scene, scale: Posting) -> None:
    scene.start(web=2, workers={}, pump=0)
    scene.load.begin(per_request=scale.recipients, threads=scale.clients)
    broken = 0
    for _ in range(scale.times):
        await_web(scene.crew)
        time.sleep(scene.luck.uniform(0.1, 1.0))
        before = scene.load.answers.refused
        scene.luck.choice(scene.crew.of("web")).kill()
        time.sleep(0.2)
        broken += scene.load.answers.refused > before
    scene.load.finish()
    scene.crew.start("pump")

    scene.note(kills=scale.times, that_broke_requests=broken, answers=scene.load.said())
    scene.demand("a kill hits requests", broken > 0)
    scene.judge()


@fault(
    "F13",
    "the connection to PostgreSQL is lost right after COMMIT was sent",
    full=Posting(times=200),
    short=Posting(times=10),
    in_suite=True,
)
def test_a_lost_answer_to_commit_is_asked_again(scene: Scene, scale: Posting) -> None:
    scene.start(wires=("database",), workers={}, pump=0)
    scene.load.send(scale.recipients, per_request=scale.recipients)
    for _ in range(scale.times):
        scene.database_wire.drop_after_commit(1)
        scene.load.post(scale.recipients)
    refused, statuses = scene.load.answers.refused, scene.load.answers.statuses
    scene.note(dropped=scene.database_wire.dropped, answers=scene.load.said())
    scene.database_wire.heal()
    scene.crew.start("pump")

    scene.demand("every connection was dropped", scene.database_wire.dropped == scale.times)
    scene.demand("each drop is answered 503", statuses[503] == scale.times)
    # Asked again before the server has noticed, the first request still holds the key.
    scene.demand("or told to wait", refused == scale.times + statuses[409])
    scene.judge()
