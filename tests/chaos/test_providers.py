"""Providers misbehave: they take messages and never answer, are down, throttle, or answer a byte
at a time."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from itertools import pairwise
from typing import Any

import pytest

from tests.chaos.faults import fault
from tests.chaos.stand import oracle
from tests.chaos.stand.program import wait_until
from tests.chaos.stand.scene import Scene

DEAD = 15  # delivery.lifecycle.State
DAY = 24 * 3600.0
SILENT_WITHIN = 1_200.0  # what must not be copied leaves one by one, and each silence lasts


@dataclass(frozen=True, slots=True)
class Silence:
    messages: int
    silent: int
    workers: int = 3


@pytest.mark.parametrize("policy", ["idempotent", "resend", "stop"])
@fault(
    "F14",
    "the provider takes messages and never answers",
    full=Silence(messages=2_000, silent=500, workers=6),
    short=Silence(messages=40, silent=10),
)
def test_a_lost_answer_costs_no_more_than_its_policy_says(
    scene: Scene, scale: Silence, policy: str
) -> None:
    stop, idempotent = policy == "stop", policy == "idempotent"
    scene.finding.variant = policy
    scene.start(
        workers={"critical" if stop else "default": scale.workers},
        ACME_THREADS="40",
        ACME_SECONDS="2",
        ACME_IDEMPOTENT_FOR=str(DAY if idempotent else 0.0),
    )
    every = scale.messages // scale.silent
    rule = {"do": "silence", "every": every, "next": scale.silent}
    scene.provider.tell("acme", rule, idempotent=idempotent)
    scene.load.send(scale.messages, type="code" if stop else "letter", per_request=20)
    scene.come_to_rest(within=SILENT_WITHIN)
    found = scene.compare()

    scene.note(folded=sum(call["folded"] for call in scene.provider.calls()))
    scene.demand("each lost answer is known to be one", found.unknown == scale.silent)
    # One that lost every answer it had was not sent once more: its last line is no copy.
    copies = found.unknown_taken - found.states.get(DEAD, 0) if policy == "resend" else 0
    scene.demand(f"there are {copies} copies", found.copies == copies)
    if not idempotent:
        scene.demand("each was taken", found.unknown_taken == scale.silent)
    if stop:
        shown = shown_as_uncertain(scene)
        scene.note(shown_as_uncertain=shown)
        scene.demand("each is shown as uncertain", shown == scale.silent)
    scene.judge()


def shown_as_uncertain(scene: Scene) -> int:
    """How many notifications the API shows with a message in doubt, and why."""
    doubtful = scene.database.sql(
        "SELECT notification_id FROM delivery WHERE state = %s", [oracle.UNCERTAIN]
    )
    shown = [scene.load.ask("GET", f"notifications/{id_}").json() for (id_,) in doubtful]
    said = [{(one["status"], one["reason"]) for one in body["deliveries"]} for body in shown]
    return sum(("uncertain", "outcome_unknown") in of_one for of_one in said)


@dataclass(frozen=True, slots=True)
class Throttling:
    messages: int
    few: int = 15  # so few that no breaker opens
    until: float = 60.0  # seconds to the date that is named
    watched: float = 20.0  # seconds in which nothing may be called


@pytest.mark.parametrize("asked", ["seconds", "date", "garbage", "1e9"])
@fault(
    "F16",
    "429 with a Retry-After",
    full=Throttling(messages=500),
    short=Throttling(messages=15, watched=8.0),
)
def test_no_message_is_tried_earlier_than_asked(
    scene: Scene, scale: Throttling, asked: str
) -> None:
    scene.finding.variant = asked
    scene.start(workers={"default": 2})
    messages = scale.few if asked == "garbage" else scale.messages
    date = datetime.fromtimestamp(int(time.time()) + scale.until, UTC)
    words = {"seconds": 7, "date": format_datetime(date, usegmt=True), "garbage": "soon, maybe"}
    rule = {"do": "answer", "status": 429, "retry_after": words.get(asked, 10**9)}
    scene.provider.tell("acme", rule | ({"next": messages} if asked == "garbage" else {}))
    scene.load.send(messages, cancellation_key="throttled")
    if asked == "1e9":
        hold_for_a_day(scene, scale)
    elif asked != "garbage":
        time.sleep(scale.watched if asked == "seconds" else max(0, date.timestamp() - time.time()))
        scene.provider.tell("acme")
    scene.come_to_rest()
    judge_pauses(scene, asked, date=date.timestamp())
    scene.judge()


Pair = tuple[dict[str, Any], dict[str, Any]]


def judge_pauses(scene: Scene, asked: str, *, date: float) -> None:
    """Each message that was refused was left alone as long as that said."""
    pairs = refused_and_tried_again(scene)
    pauses = [later["at"] - earlier["at"] for earlier, later in pairs] or [0.0]
    scene.note(tried_again=len(pairs), shortest=min(pauses), longest=max(pauses))
    if asked == "seconds":
        scene.demand("each waits seven seconds", pairs and min(pauses) >= 7)
    elif asked == "date":
        judge_date(scene, pairs, date=date)
    elif asked == "garbage":
        scene.demand("they do not come all at once", max(pauses) - min(pauses) > 1)
    else:
        scene.demand("nobody is tried again", not pairs)


def judge_date(scene: Scene, pairs: list[Pair], *, date: float) -> None:
    early = [earlier for earlier, _ in pairs if earlier["at"] < date]
    too_soon = [later for _, later in pairs if later["at"] < date]
    scene.note(refused_before_the_date=len(early))
    scene.demand("each waits for the date", early and not too_soon)


def refused_and_tried_again(scene: Scene) -> list[Pair]:
    """Each call that was answered 429, with the next one for the same message."""
    by_message: dict[str, list[dict[str, Any]]] = {}
    for call in scene.provider.calls():
        by_message.setdefault(call["reference"], []).append(call)
    return [
        (earlier, later)
        for calls in by_message.values()
        for earlier, later in pairwise(calls)
        if earlier["status"] == 429
    ]


def hold_for_a_day(scene: Scene, scale: Throttling) -> None:
    """What was asked to wait for 32 years waits for a day; then it is taken back."""
    breaker = "SELECT count(*) FROM delivery_breaker WHERE until > clock_timestamp()"
    wait_until(
        lambda: len(scene.provider.calls()) >= scale.messages or scene.database.number(breaker),
        "all were refused, or the provider was left alone",
    )
    time.sleep(scale.watched)
    longest = scene.database.number(LONGEST_WAIT)
    untried, left_alone = scene.database.sql(UNTRIED_WAIT)[0]
    scene.note(waits_hours=longest / 3600, untried=untried, untried_wait_seconds=left_alone)
    scene.demand("they wait for a day", DAY - 60 <= longest <= DAY)
    scene.demand("the others wait for a quarter of an hour or so", left_alone <= 1_000)
    answer = scene.load.ask(
        "POST", "notifications/cancel", {"cancellation_key": "throttled"}
    ).json()
    scene.demand("all can be taken back", answer["cancelled"] == scale.messages)


LONGEST_WAIT = """
    SELECT max(extract(epoch FROM d.due_at - clock_timestamp()))::float8
    FROM delivery AS d WHERE d.state = 1 AND d.attempts > 0
"""
UNTRIED_WAIT = """
    SELECT count(*), coalesce(max(extract(epoch FROM d.due_at - clock_timestamp())), 0)::float8
    FROM delivery AS d WHERE d.state = 1 AND d.attempts = 0
"""
