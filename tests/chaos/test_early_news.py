"""A provider reports what became of a message before it has answered that it took it."""

import sys
from dataclasses import dataclass

from notifysite.stack.processes import Process
from tests.chaos.faults import fault
from tests.chaos.stand.program import wait_until
from tests.chaos.stand.scene import Scene

AHEAD = 5.0  # seconds by which a report comes before the answer, at most
MATCHED_WITHIN = 60.0
DELIVERED = 4  # delivery.lifecycle.State
UNMATCHED = "SELECT count(*) FROM delivery WHERE state <> %s"
# From when a message was reported until that was noted about it.
SLOWEST = "SELECT max(extract(epoch FROM created_at - at))::float8 FROM delivery_event"
EARLY = """
    SELECT count(*), max(extract(epoch FROM d.sent_at - e.at))::float8
    FROM delivery_event AS e JOIN delivery AS d ON d.id = e.delivery_id WHERE e.at < d.sent_at
"""


@dataclass(frozen=True, slots=True)
class Haste:
    messages: int
    workers: int = 2


@fault(
    "F23",
    "reports come before the answers they are about",
    full=Haste(messages=500),
    short=Haste(messages=20, workers=1),
)
def test_news_that_comes_too_early_is_matched(scene: Scene, scale: Haste) -> None:
    scene.start(
        workers={"default": scale.workers},
        ACME_THREADS="50",
        ACME_SECONDS=str(4 * AHEAD),
    )
    # It takes a message half-way through the call.
    scene.provider.tell(delay=2 * AHEAD)
    ledger = str(scene.provider.folder / "ledger.jsonl")
    module = "tests.chaos.stand.newsroom"
    newsroom = (sys.executable, "-m", module, ledger, "0", str(AHEAD), scene.finding.seed)
    scene.crew.run(Process(name="newsroom", command=newsroom, stage=9))
    scene.load.send(scale.messages, per_request=10)
    scene.come_to_rest()
    wait_until(
        lambda: scene.database.number(UNMATCHED, [DELIVERED]) == 0,
        "all reports were matched",
        within=2 * MATCHED_WITHIN,
    )

    slowest = scene.database.number(SLOWEST)
    early, ahead = scene.database.sql(EARLY)[0]
    parked = scene.database.number("SELECT count(*) FROM delivery_parked_news")
    scene.note(came_early=early, most_seconds_early=ahead, slowest_match_seconds=slowest)
    scene.demand("reports come early", early > 0.9 * scale.messages)
    scene.demand("all are matched", parked == 0)
    scene.demand("each is matched within a minute", slowest <= MATCHED_WITHIN)
    scene.judge()
