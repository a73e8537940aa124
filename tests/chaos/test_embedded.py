"""`make run` is killed, in part or whole, and started again: it recovers by itself."""

import time
from dataclasses import dataclass
from typing import Any, cast

from tests.chaos.faults import fault
from tests.chaos.stand.embedded import Embedded
from tests.chaos.stand.load import Load
from tests.chaos.stand.scene import Scene

TYPE = "order_shipped"
GONE_WITHIN = 30.0  # seconds from the supervisor's death until its children are dead
# What the stack sends by itself whenever it starts; it goes to people of the demo.
OTHERS = """
    SELECT n.id::text FROM notification AS n JOIN recipient AS r ON r.id = n.recipient_id
    WHERE r.user_id NOT LIKE 'person-%%'
"""


@dataclass(frozen=True, slots=True)
class Kills:
    times: int


@fault(
    "F31",
    "kill -9 of the embedded stack's supervisor, then of everything at once",
    full=Kills(times=10),
    short=Kills(times=2),
)
def test_a_killed_stack_recovers_at_its_next_start(scene: Scene, scale: Kills) -> None:
    stack = Embedded(scene.folder / "var", spawner=scene.stand.spawner, env=scene.crew.env)
    try:
        starts = [time_to_start(stack)]
        load = put_on_stage(scene, stack)
        begin(load, stack)
        left = []
        for kill in range(scale.times):
            time.sleep(scene.luck.uniform(0.5, 2.0))
            left += killed(stack, everything=kill % 2 == 1)
            starts.append(time_to_start(stack))
        load.finish()
        load.credit([id_ for (id_,) in stack.sql(OTHERS)])

        scene.note(kills=scale.times, slowest_start_seconds=max(starts), said=load.said())
        scene.demand(f"no orphan is left, but {left}", not left)
        scene.judge()
    finally:
        running = stack.processes()
        stack.supervisor.end(grace=60)
    assert stack.left(running) == []
    assert not stack.is_held()


def time_to_start(stack: Embedded) -> float:
    began = time.monotonic()
    stack.start()
    return time.monotonic() - began


def put_on_stage(scene: Scene, stack: Embedded) -> Load:
    """Let the scene post to the stack and judge its database."""
    scene.load = Load(scene.folder, urls=[stack.url], key=stack.key(), seed=scene.finding.seed)
    scene.database = cast("Any", stack)
    return scene.load


def begin(load: Load, stack: Embedded) -> None:
    sample = stack.number(f"SELECT sample_data FROM notification_type WHERE key = '{TYPE}'")
    load.begin(type=TYPE, data=sample, per_request=5, threads=2, pause=0.2)


def killed(stack: Embedded, *, everything: bool) -> list[str]:
    """Kill it; returns what still runs although it should have died with it."""
    known = stack.processes()
    if everything:
        stack.kill_everything()
    else:
        stack.kill_supervisor()
    until = time.monotonic() + GONE_WITHIN
    while (left := stack.left(known)) and time.monotonic() < until:
        time.sleep(0.1)
    return left
