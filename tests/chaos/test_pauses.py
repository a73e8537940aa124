"""A process stands still for longer than its leases last, and then goes on as if nothing was."""

import time
from dataclasses import dataclass

from tests.chaos.faults import fault
from tests.chaos.stand.program import wait_until
from tests.chaos.stand.scene import Scene

LEASE = 30.0  # seconds; a shorter pause would prove nothing


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float
    recipients: int = 40


FULL, SHORT = Pause(seconds=120.0), Pause(seconds=LEASE + 15.0, recipients=10)


@fault("F03", "SIGSTOP of a worker between seal and call", full=FULL, short=SHORT)
def test_a_worker_that_slept_before_the_call_does_not_call(scene: Scene, scale: Pause) -> None:
    scene.start(workers={}, pump=0, ACME_THREADS="1")
    sleeper = scene.crew.start(
        "worker-default", watched=False, NOTIFYSITE_FAILPOINTS="dispatch.sealed=stop@1"
    )
    scene.load.send(scale.recipients)
    wait_until(sleeper.is_stopped, "the worker stood still")

    others_work(scene, scale.seconds)
    called = len(scene.provider.calls())
    sleeper.thaw()
    time.sleep(3)

    scene.note(slept_seconds=scale.seconds, calls_after=len(scene.provider.calls()) - called)
    scene.demand("nothing is sent twice", scene.rested().copies == 0)
    scene.judge()


@fault("F03", "SIGSTOP of a worker in the middle of a call", full=FULL, short=SHORT)
def test_a_worker_that_slept_in_a_call_sends_at_most_that_one_twice(
    scene: Scene, scale: Pause
) -> None:
    scene.finding.variant += " mid-call"
    scene.start(workers={}, pump=0, ACME_THREADS="1")
    scene.provider.tell(delay=4.0)
    sleeper = scene.crew.start("worker-default", watched=False)
    scene.load.send(scale.recipients)
    wait_until(scene.being_sent, "a message was on its way")
    time.sleep(scene.luck.uniform(0.5, 3.0))
    sleeper.freeze()
    marked = scene.being_sent()
    scene.provider.tell(delay=0.0)

    others_work(scene, scale.seconds)
    sleeper.thaw()
    found = scene.rested()

    scene.note(slept_seconds=scale.seconds, on_their_way=marked)
    scene.demand("only what was on its way may come twice", found.copies <= marked <= 1)
    scene.judge()


def others_work(scene: Scene, seconds: float) -> None:
    """Let others do the work for a while."""
    until = time.monotonic() + seconds
    scene.crew.start("pump")
    scene.crew.start("worker-default")
    time.sleep(max(0.0, until - time.monotonic()))
