"""Everybody asks at once, with one key: one of them is heard, and all are told the same."""

import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tests.chaos.faults import fault
from tests.chaos.stand.crowd import Answer, ask_at_once
from tests.chaos.stand.scene import Scene

ANSWERED_WITHIN = 60.0  # seconds for all requests together
ACCEPTED, IN_FLIGHT, ANOTHER_BODY = 202, 409, 422


@dataclass(frozen=True, slots=True)
class Crowd:
    requests: int
    clients: int = 64


@fault(
    "F19",
    "thousands of requests with one key at the same time",
    full=Crowd(requests=10_000),
    short=Crowd(requests=300, clients=16),
)
def test_a_key_is_heard_once_however_many_ask(scene: Scene, scale: Crowd) -> None:
    scene.start(web=2)
    began = time.monotonic()
    answers = ask(scene, [letter("ann")] * scale.requests, clients=scale.clients)
    took = time.monotonic() - began

    said = Counter(answer.status for answer in answers)
    ids = {answer.ids for answer in answers if answer.status == ACCEPTED}
    scene.load.credit([id_ for each in ids for id_ in each])
    scene.note(answers=as_text(said), answered_seconds=took)
    scene.demand("every request is answered", len(answers) == scale.requests)
    scene.demand("each is accepted, or told to wait", not said.keys() - {ACCEPTED, IN_FLIGHT})
    scene.demand("all are told of the same notification", len(ids) == 1)
    scene.demand("all are answered within a minute", took <= ANSWERED_WITHIN)
    scene.demand("one message is sent", scene.rested().delivered == 1)
    scene.judge()


@fault(
    "F20",
    "one key with two bodies, by turns",
    full=Crowd(requests=1_000),
    short=Crowd(requests=100, clients=16),
)
def test_of_two_bodies_under_one_key_one_wins(scene: Scene, scale: Crowd) -> None:
    scene.start(web=2)
    bodies = [letter("ann"), letter("bob")] * (scale.requests // 2)
    answers = ask(scene, bodies, clients=scale.clients)

    winners = {answer.asked for answer in answers if answer.status == ACCEPTED}
    won = Counter(answer.status for answer in answers if answer.asked in winners)
    lost = Counter(answer.status for answer in answers if answer.asked not in winners)
    ids = {answer.ids for answer in answers if answer.status == ACCEPTED}
    scene.load.credit([id_ for each in ids for id_ in each])
    scene.note(winner=as_text(won), loser=as_text(lost))
    scene.demand("every request is answered", len(answers) == scale.requests)
    scene.demand("one body wins, for one notification", len(winners) == len(ids) == 1)
    scene.demand("the winner is accepted, or told to wait", not won.keys() - {ACCEPTED, IN_FLIGHT})
    scene.demand("the loser is refused", lost[ANOTHER_BODY] > 0)
    scene.demand("or told to wait", not lost.keys() - {ANOTHER_BODY, IN_FLIGHT})
    scene.judge()


def ask(scene: Scene, bodies: Sequence[str], *, clients: int) -> list[Answer]:
    """Ask every web process, all under one key."""
    secret = scene.stand.api_key
    return ask_at_once(
        scene.crew.urls, bodies, key=f"one-{scene.finding.seed}", secret=secret, clients=clients
    )


def letter(name: str) -> str:
    """A request for one letter."""
    to = {"user_id": name, "email": f"{name}@example.com"}
    return json.dumps({"type": "letter", "to": [to]})


def as_text(said: Counter[int]) -> str:
    """How often each answer came."""
    return " ".join(f"{status or 'none'}:{count}" for status, count in sorted(said.items()))
