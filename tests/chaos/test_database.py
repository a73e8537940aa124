"""PostgreSQL goes away and comes back: what was answered 202 is there, and all of it is sent."""

import time
from dataclasses import dataclass

from tests.chaos.faults import fault
from tests.chaos.stand.crew import answers
from tests.chaos.stand.program import wait_until
from tests.chaos.stand.scene import Scene

HEALTHY_WITHIN = 15.0  # seconds after a restart until the API accepts again
FLIGHT = 8


@dataclass(frozen=True, slots=True)
class Restarts:
    of_each: int  # so many `fast` ones, then so many `immediate` ones
    recipients: int  # per request


@fault(
    "F11",
    "pg_ctl restart, fast and immediate, while clients post and workers send",
    full=Restarts(of_each=5, recipients=50),
    short=Restarts(of_each=1, recipients=5),
)
def test_a_restarted_database_loses_nothing(scene: Scene, scale: Restarts) -> None:
    scene.start(workers={"default": 2}, ACME_THREADS=str(FLIGHT))
    scene.provider.tell(delay=0.1)
    scene.load.begin(per_request=scale.recipients, threads=2, pause=0.2)
    outages = []
    for mode in ("fast", "immediate"):
        for _ in range(scale.of_each):
            time.sleep(scene.luck.uniform(2.0, 4.0))
            scene.database.restart(mode)
            outages.append(time_to_accept(scene))
    scene.load.finish()
    found = scene.rested()

    scene.note(restarts=len(outages), slowest_accept_seconds=max(outages), said=scene.load.said())
    scene.demand("the API accepts again within 15 s", max(outages) <= HEALTHY_WITHIN)
    in_flight = len(outages) * FLIGHT * (len(scene.workers) + 1)  # the pump works, too
    scene.demand("copies are at most what was in flight", found.copies <= in_flight)
    scene.judge()


def time_to_accept(scene: Scene) -> float:
    """Seconds until a request is accepted again and the web calls itself ready."""
    began = time.monotonic()
    scene.load.post(1)
    wait_until(lambda: all(answers(f"{url}/healthz") for url in scene.crew.urls), "web is well")
    return time.monotonic() - began
