"""Dead letters are sent again by two at once, one of whom dies over it: each leaves once."""

import threading
import time
from collections import Counter
from dataclasses import dataclass

import httpx

from tests.chaos.faults import fault
from tests.chaos.stand.crew import await_web
from tests.chaos.stand.dead_letters import bury
from tests.chaos.stand.scene import Scene

TOLD = "SELECT target FROM audit_entry WHERE action = 'delivery.replayed'"


@dataclass(frozen=True, slots=True)
class DeadLetters:
    letters: int  # more than the 500 of a batch, or the one that dies has done all of it


@fault(
    "F33",
    "dead letters are replayed by two at once, and one is killed half-way",
    full=DeadLetters(letters=1_000),
    short=DeadLetters(letters=60),
)
def test_each_dead_letter_leaves_once(scene: Scene, scale: DeadLetters) -> None:
    # The one that lives stays in its first batch for seconds: the other one has its share.
    scene.start(REPLAY_PER_SECOND="100", NOTIFYSITE_FAILPOINTS="replay.before_commit=sleep@1")
    doomed = scene.crew.start("web", watched=False, NOTIFYSITE_FAILPOINTS="replay.committed=exit@1")
    await_web(scene.crew)
    half = scale.letters // 2
    bury(scene, lambda: [*scene.load.post(half), *scene.load.post(scale.letters - half)])
    answers = replay_at_once(scene)
    died = not doomed.running
    again = replay(scene, scene.crew.urls[0])  # as whoever got no answer does
    found = scene.rested()

    lines = Counter(entry["reference"] for entry in scene.provider.taken())
    told = [target for (target,) in scene.database.sql(TOLD)]
    scene.note(answers=" ".join(answers), asked_again=again, resent=len(lines))
    scene.demand("one process died over it", died)
    scene.demand("each is sent again", found.delivered == scale.letters)
    scene.demand("each is sent once", set(lines.values()) == {1})
    scene.demand("each is told in the trail, once", len(told) == len(set(told)) == scale.letters)
    scene.judge()


def replay_at_once(scene: Scene) -> list[str]:
    """Ask every web process to replay all, at about the same time; what they answered."""
    answers: list[str] = []

    def ask(url: str, pause: float) -> None:
        time.sleep(pause)
        answers.append(replay(scene, url))

    asking = [
        threading.Thread(target=ask, args=(url, scene.luck.uniform(0.0, 0.05)))
        for url in scene.crew.urls
    ]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    return answers


def replay(scene: Scene, url: str) -> str:
    """Replay every dead letter; how many that queued, or that there was no answer."""
    try:
        answer = scene.load.ask("POST", "deliveries/replay", {"filter": {}}, url=url)
    except httpx.TransportError:
        return "none"
    return f"{answer.status_code}:{answer.json().get('replayed')}"
