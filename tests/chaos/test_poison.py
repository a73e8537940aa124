"""Processes die of what they send: one message that kills whoever hands it over, and one-time codes
of which nobody may get two."""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.chaos.faults import fault
from tests.chaos.stand.annex import side_by_side
from tests.chaos.stand.program import Program, wait_until
from tests.chaos.stand.scene import Scene

DEAD, OUTCOME_UNKNOWN = 15, 31  # delivery.lifecycle
POISON = {"user_id": "poison", "email": "poison@example.com"}


@dataclass(frozen=True, slots=True)
class Poison:
    good: int
    workers: int = 2
    judged: bool = True  # of a few, the time a process takes to start is the most


@fault(
    "F28",
    "a message kills every worker that hands it over",
    full=Poison(good=1_000),
    short=Poison(good=40, judged=False),
)
def test_a_poisoned_message_is_buried_and_the_others_leave(scene: Scene, scale: Poison) -> None:
    scene.start(workers={"default": scale.workers}, ACME_BACKEND="tests.fakes.brittle.Brittle")
    scene.provider.tell("acme", delay=0.05)
    baseline = max(took for took, _ in send(scene, good(scale.good)))
    people = [*good(scale.good), POISON]
    scene.luck.shuffle(people)
    times = send(scene, people)
    scene.come_to_rest()

    state, reason, tries = scene.database.sql(WHAT_CAME_OF_IT, [POISON["user_id"]])[0]
    found = scene.compare()
    deaths = sum(one.deaths for one in scene.crew)
    slowest = max(took for took, had in times if had == 1)
    scene.note(
        deaths=deaths,
        tries_of_the_poison=tries,
        baseline_seconds=baseline,
        flew_with_it=sum(had > 1 for _, had in times),
        slowest_of_these_seconds=max(took for took, _ in times),
        slowest_other_seconds=slowest,
    )
    if scale.judged:
        scene.demand("who never flew with it has it within twice the time", slowest <= 2 * baseline)
    scene.demand("it kills", deaths >= tries)
    buried = (state, reason) == (DEAD, OUTCOME_UNKNOWN)
    scene.demand("it is a dead letter after five tries at most", buried and tries <= 5)
    scene.demand("all others are sent", found.delivered == 2 * scale.good)
    scene.judge()


WHAT_CAME_OF_IT = """
    SELECT d.state, d.reason, d.attempts FROM delivery AS d
    JOIN recipient AS r ON r.id = d.recipient_id WHERE r.user_id = %s
"""


def good(number: int) -> list[dict[str, str]]:
    """People who can be written to."""
    return [
        {"user_id": f"good-{count}", "email": f"good-{count}@example.com"}
        for count in range(number)
    ]


def send(scene: Scene, people: list[dict[str, str]]) -> list[tuple[float, int]]:
    """Send to these, and wait until all good ones have it; how long each took, in seconds since
    the first was accepted, and how many tries."""
    began = scene.database.now()
    for half in (people[: len(people) // 2], people[len(people) // 2 :]):
        scene.load.insist(json.dumps({"type": "letter", "to": half}))
    sent = "SELECT count(*) FROM delivery WHERE accepted_at > to_timestamp(%s) AND state = 3"
    wanted = sum(person != POISON for person in people)
    wait_until(
        lambda: scene.database.number(sent, [began]) == wanted, "the good ones left", within=400
    )
    return scene.database.sql(
        "SELECT extract(epoch FROM sent_at - min(accepted_at) OVER ())::float8, attempts"
        " FROM delivery"
        " WHERE accepted_at > to_timestamp(%s) AND sent_at IS NOT NULL",
        [began],
    )


POINTS = (
    "plan.claimed",
    "plan.committed",
    "dispatch.claimed",
    "dispatch.marked",
    "dispatch.sealed",
    "dispatch.taking_off",
    "dispatch.landed",
    "settle.before_commit",
    "settle.committed",
)
SHORT_LIFE = 20.0  # seconds: less than a lease, so that some expire under a dead worker


@dataclass(frozen=True, slots=True)
class Codes:
    times: int
    points: tuple[str, ...] = POINTS
    at_once: int = 6


@fault(
    "F27",
    "a worker exits while it sends one-time codes",
    full=Codes(times=20),
    short=Codes(times=2, points=("dispatch.marked", "dispatch.landed"), at_once=2),
)
def test_nobody_gets_a_code_twice_or_late(scene: Scene, scale: Codes) -> None:
    exits: Counter[str] = Counter()

    def play(own: Scene, point: str) -> None:
        own.start(workers={"critical": 1}, NOTIFYSITE_FAILPOINTS="")
        lives = send_codes(own, point, times=scale.times)
        own.come_to_rest()
        exits[point] = own.crew["worker-critical"].deaths
        scene.note(exits=" ".join(f"{name}:{count}" for name, count in sorted(exits.items())))
        judge_codes(own, lives)

    side_by_side(scene, scale.points, play, at_once=scale.at_once)


def send_codes(own: Scene, point: str, *, times: int) -> dict[str, float]:
    """Post codes, one after another, to a worker that exits at a point, until it has done so often
    enough; returns when each code's life is over, in seconds of the epoch."""
    worker, lives = own.crew["worker-critical"], {}
    rearm(worker, f"{point}=exit")
    while worker.deaths < times:
        short = len(lives) % 2
        until = datetime.now(UTC) + timedelta(seconds=SHORT_LIFE if short else 600)
        (code,) = own.load.post(type="code", expires_at=until.isoformat())
        lives[code] = until.timestamp()
        before = worker.deaths
        wait_until(
            lambda: worker.deaths > before or own.open_work() == 0,  # noqa: B023 - asked at once
            f"the worker died at {point}",
            within=180,
        )
    rearm(worker, "")
    return lives


def rearm(worker: Program, failpoints: str) -> None:
    """Start it anew, to fail where it is told."""
    worker.watched = False
    worker.kill_group()
    worker.env["NOTIFYSITE_FAILPOINTS"] = failpoints
    worker.start()
    worker.watched = True


def judge_codes(own: Scene, lives: dict[str, float]) -> None:
    of_delivery = dict(own.database.sql("SELECT id::text, notification_id::text FROM delivery"))
    taken = [(of_delivery[entry["reference"]], entry["at"]) for entry in own.provider.taken()]
    times = Counter(code for code, _ in taken)
    own.demand("nobody gets a code twice", max(times.values(), default=1) == 1)
    own.demand("no code leaves after its life", all(at <= lives[code] for code, at in taken))
    said = [own.load.ask("GET", f"notifications/{code}").json() for code in lives]
    own.demand("of each is told what became of it", all(map(is_told, said)))


def is_told(body: dict[str, Any]) -> bool:
    """Whether the API says where a code ended."""
    if body["status"] == "expired":
        return True
    ends = [(one["status"], one["reason"]) for one in body["deliveries"]]
    return bool(ends) and all(
        status in ("sent", "delivered") or (status in ("uncertain", "expired") and reason)
        for status, reason in ends
    )
