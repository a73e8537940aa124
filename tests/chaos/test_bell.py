"""Hints to open tabs are lost by the hundred, and no item is missing."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.chaos.faults import fault
from tests.chaos.stand.crew import await_web
from tests.chaos.stand.program import wait_until
from tests.chaos.stand.scene import Scene
from tests.chaos.stand.tabs import Tab

READER = "reader"
CAUGHT_UP_WITHIN = 5.0  # seconds for a tab that connects anew
HEALED_WITHIN = 60.0  # seconds for one that was open all the time: it looks every 30
STORED = "SELECT count(*) FROM inbox_item"


@dataclass(frozen=True, slots=True)
class Items:
    items: int


@pytest.mark.parametrize("trouble", ["crowded", "down"])
@fault(
    "F36",
    "the channel layer is full, or Redis is down",
    full=Items(1_000),
    short=Items(60),
)
def test_an_inbox_misses_nothing_that_its_hints_did(
    scene: Scene, scale: Items, trouble: str
) -> None:
    scene.finding.variant = trouble
    scene.start(
        workers={"default": 2}, **({"CHAOS_LAYER_CAPACITY": "1"} if trouble == "crowded" else {})
    )
    scene.crew.start("web")
    await_web(scene.crew)
    theirs = scene.crew.urls.pop()  # only tabs are connected to that one
    tab = Tab(theirs, token=let_in(scene)).open()
    send(scene, 1)
    tab.wait_for(1, within=HEALED_WITHIN)
    with crowded_layer(scene) if trouble == "crowded" else no_redis(scene):
        send(scene, scale.items - 1)
        wait_until(
            lambda: scene.database.number(STORED) == scale.items, "all were stored", within=300
        )
    healed = tab.wait_for(scale.items, within=2 * HEALED_WITHIN)
    kept = len(tab.seqs)
    tab.close()

    other = Tab(theirs, token=let_in(scene)).open()
    caught_up = other.wait_for(scale.items, within=2 * CAUGHT_UP_WITHIN)
    other.close()
    scene.note(healed_seconds=healed, caught_up_seconds=caught_up, dropped_hints=dropped(scene))
    scene.demand("a tab that connects anew has all of it", len(other.seqs) == scale.items)
    scene.demand("within five seconds", caught_up <= CAUGHT_UP_WITHIN)
    scene.demand("a tab that was open has all of it, too", kept == scale.items)
    scene.demand("within a minute", healed <= HEALED_WITHIN)
    if trouble == "crowded":
        scene.demand("the layer was full", dropped(scene) > 0)
    scene.judge()


def let_in(scene: Scene) -> str:
    """The reader's token."""
    scene.load.ask("PUT", f"users/{READER}", {}).raise_for_status()
    answer = scene.load.ask("POST", f"users/{READER}/token", {}).raise_for_status()
    return str(answer.json()["token"])


def send(scene: Scene, number: int) -> None:
    """Send so many items to the reader, one by one."""
    body = json.dumps({"type": "bell", "to": [{"user_id": READER}]})
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: scene.load.insist(body), range(number)))


@contextmanager
def crowded_layer(scene: Scene) -> Iterator[None]:
    """Nobody takes what the layer holds for the open tab."""
    web = scene.crew["web-2"]
    web.freeze()
    try:
        yield
    finally:
        web.thaw()


@contextmanager
def no_redis(scene: Scene) -> Iterator[None]:
    """There is no Redis."""
    scene.redis.end(grace=30)
    try:
        yield
    finally:
        scene.redis.start()


def dropped(scene: Scene) -> int:
    """How often a worker was told that the layer was full."""
    logs = [one.log.read_text() for one in scene.workers]
    return sum(text.count("over capacity") for text in logs)
