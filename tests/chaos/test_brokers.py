"""Brokers forget, fall silent and break off: nudges are lost, messages are not."""

import time
from dataclasses import dataclass

from tests.chaos.faults import BROKERS, fault
from tests.chaos.stand.scene import Scene

BACK_WITHIN = 60.0  # seconds after a broker lost everything until sending goes on
CONSUMING_WITHIN = 90.0  # seconds after the last cut until every worker takes nudges again
ACCEPT_SECONDS = 1.0  # 99 of 100 requests, while the broker is down
SLOW_ACCEPT_SECONDS = 2.0  # the same, while it takes connections and never answers
TICK_SECONDS = 5.0  # no thread of ours is held up by a silent broker for longer


@dataclass(frozen=True, slots=True)
class Outage:
    recipients: int = 10_000
    times: int = 1
    seconds: float = 0.0


@fault(
    "F06",
    "FLUSHALL on Redis while its queues are full",
    full=Outage(times=5),
    short=Outage(recipients=100, times=1),
)
def test_a_flushed_redis_loses_only_nudges(scene: Scene, scale: Outage) -> None:
    scene.start(workers={"default": 2})
    scene.provider.tell(delay=0.1)
    waits = []
    for _ in range(scale.times):
        scene.load.send(scale.recipients // scale.times, per_request=100)
        time.sleep(scene.luck.uniform(0.2, 1.0))
        scene.redis.flush()
        waits.append(await_progress(scene))

    scene.note(flushes=scale.times, slowest_return_seconds=max(waits))
    scene.demand("sending goes on within a minute", max(waits) <= BACK_WITHIN)
    scene.demand("nothing is sent twice", scene.rested().copies == 0)
    scene.judge()


@fault(
    "F07",
    "the broker is down",
    full=Outage(seconds=120.0),
    short=Outage(recipients=400, seconds=10.0),
    brokers=BROKERS,
)
def test_without_a_broker_the_api_accepts_and_the_pump_sends(scene: Scene, scale: Outage) -> None:
    scene.start()
    scene.provider.tell(delay=0.05)
    await_consumers(scene)
    normal = rate(scene, scale)
    scene.broker.end(grace=30)

    down = time.monotonic()
    scene.load.answers.forget()
    scene.load.begin(per_request=10, threads=2, pause=0.1)
    alone = rate(scene, scale)
    time.sleep(max(0.0, scale.seconds - (time.monotonic() - down)))
    scene.load.finish()
    answers = scene.load.answers
    accepting, refused = answers.percentile(0.99), answers.refused
    scene.broker.start()

    scene.note(p99_accept_seconds=accepting, refused=refused, share_of_rate=alone / normal)
    scene.demand("every request is accepted", refused == 0)
    scene.demand("it is accepted within a second", accepting <= ACCEPT_SECONDS)
    scene.demand("half the normal rate is sent without a broker", alone >= normal / 2)
    scene.judge()


@fault(
    "F08",
    "the broker takes connections and never answers",
    full=Outage(recipients=2_000, seconds=60.0),
    short=Outage(recipients=100, seconds=8.0),
    brokers=BROKERS,
)
def test_a_silent_broker_holds_nobody_up(scene: Scene, scale: Outage) -> None:
    scene.start(workers={"default": 1}, wires=("broker",))
    scene.load.send(10)
    scene.broker_wire.swallow()
    scene.load.answers.forget()
    scene.load.begin(per_request=5, threads=2, pause=0.1)
    slowest = slowest_tick(scene, seconds=scale.seconds)
    scene.load.finish()
    accepting = scene.load.answers.percentile(0.99)
    alone = scene.delivered()
    scene.broker_wire.heal()

    scene.note(p99_accept_seconds=accepting, slowest_tick_seconds=slowest, sent_meanwhile=alone)
    scene.demand("a request is accepted within two seconds", accepting <= SLOW_ACCEPT_SECONDS)
    scene.demand("the pump is never held up for long", slowest <= TICK_SECONDS)
    scene.demand("sending goes on", alone > 10)
    scene.judge()


@fault(
    "F09",
    "kill -9 of the RabbitMQ node while it is published to",
    full=Outage(recipients=3_000, times=3),
    short=Outage(recipients=100, times=1),
    brokers=("rabbitmq",),
)
def test_a_killed_rabbitmq_loses_only_nudges(scene: Scene, scale: Outage) -> None:
    scene.start(workers={"default": 1})
    scene.load.begin(per_request=scale.recipients // 100, threads=2, pause=0.05)
    for _ in range(scale.times):
        time.sleep(scene.luck.uniform(1.0, 3.0))
        scene.broker.kill_group()
        time.sleep(scene.luck.uniform(1.0, 5.0))
        scene.broker.start()
    scene.load.finish()
    waits = await_consumers(scene)

    scene.note(kills=scale.times, consuming_after_seconds=waits)
    scene.demand("workers take nudges again", waits <= CONSUMING_WITHIN)
    scene.demand("nothing is sent twice", scene.rested().copies == 0)
    scene.judge()


@fault(
    "F10",
    "the connections to the broker are cut, again and again",
    full=Outage(recipients=5_000, times=20, seconds=60.0),
    short=Outage(recipients=200, times=3, seconds=3.0),
    brokers=BROKERS,
)
def test_a_cut_connection_stops_no_worker_for_good(scene: Scene, scale: Outage) -> None:
    scene.start(workers={"default": 2}, wires=("broker",))
    scene.load.begin(per_request=10, threads=2, pause=0.2)
    cut = 0
    for _ in range(scale.times):
        time.sleep(scene.luck.uniform(0.5, 1.5) * scale.seconds / scale.times)
        cut += scene.broker_wire.cut()
    scene.load.finish()
    waits = await_consumers(scene)

    deaths = sum(worker.deaths for worker in scene.workers)
    scene.note(cuts=scale.times, connections=cut, consuming_after_seconds=waits, deaths=deaths)
    scene.demand("every worker takes nudges again", waits <= CONSUMING_WITHIN)
    scene.demand("nothing is sent twice", scene.rested().copies == 0)
    scene.judge()


def await_progress(scene: Scene) -> float:
    """Wait until the provider takes a message again, or none is left; the seconds it took."""
    began, before = time.monotonic(), len(scene.provider.calls())
    while (waited := time.monotonic() - began) < 2 * BACK_WITHIN:
        if len(scene.provider.calls()) > before or scene.open_work() == 0:
            break
        time.sleep(0.1)
    return waited


def await_consumers(scene: Scene) -> float:
    """Keep work coming until every worker has taken a nudge since now; the seconds it took."""
    began, since = time.monotonic(), scene.database.now()
    while (waited := time.monotonic() - began) < 2 * CONSUMING_WITHIN:
        scene.load.post(1)
        taken = {name for name, at in scene.nudges_taken().items() if at > since}
        if len(taken) >= len(scene.workers):
            break
        time.sleep(0.5)
    return waited


def rate(scene: Scene, scale: Outage) -> float:
    """Messages per second that leave while there is more than enough to send."""
    scene.load.send(scale.recipients // 4, per_request=100)
    before, began = scene.delivered(), time.monotonic()
    while scene.delivered() - before < scale.recipients // 8:
        if time.monotonic() - began > BACK_WITHIN:
            break
        time.sleep(0.1)
    return (scene.delivered() - before) / (time.monotonic() - began)


def slowest_tick(scene: Scene, *, seconds: float) -> float:
    """The longest time between two signs of life of the pump, over a while."""
    slowest, until = 0.0, time.monotonic() + seconds
    while time.monotonic() < until:
        slowest = max(slowest, scene.database.number(AGE_OF_PUMP))
        time.sleep(0.2)
    return slowest


AGE_OF_PUMP = (
    "SELECT extract(epoch FROM clock_timestamp() - max(at))::float8 FROM heartbeat"
    " WHERE kind = 'pump'"
)
