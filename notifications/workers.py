"""What a Celery worker of ours is made of."""

from typing import Any

from celery import bootsteps, signals
from celery.worker import consumer

from notifications.watchdog import Watchdog
from notifications.words import Lane


class Consumer(consumer.Consumer):
    """Celery's, less what we do not use and a silent broker would hold up.

    Workers send each other no news and no heartbeats: ours are in the database. No task has an
    `eta`, for which Celery sets up 28 exchanges and 28 queues once it sees a quorum queue.
    """

    class Blueprint(consumer.Consumer.Blueprint):  # type: ignore[misc, valid-type]
        default_steps = [
            step
            for step in consumer.Consumer.Blueprint.default_steps
            if not step.endswith(":DelayedDelivery")
        ]

    def __init__(self, *args: Any, **options: Any) -> None:
        unused = ("without_gossip", "without_mingle", "without_heartbeat")
        super().__init__(*args, **{**options, **dict.fromkeys(unused, True)})


class Watched(bootsteps.StartStopStep):
    """The part of a worker that watches over it."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self._watchdog: Watchdog | None = None

    def start(self, worker: Any) -> None:
        """Watch from now on; a worker of other queues only is not ours to judge."""
        lanes = [lane for lane in Lane if lane.name.lower() in _consumed(worker)]
        if lanes:
            self._watchdog = Watchdog(lanes)
            signals.task_received.connect(self._took)
            self._watchdog.start()

    def stop(self, worker: Any) -> None:
        """The worker ends in order."""
        if self._watchdog is not None:
            self._watchdog.stop()

    def terminate(self, worker: Any) -> None:
        """The worker ends at once."""
        self.stop(worker)

    def _took(self, **_: Any) -> None:
        if self._watchdog is not None:
            self._watchdog.took_a_nudge()


def _consumed(worker: Any) -> set[str]:
    return {queue.alias for queue in worker.app.amqp.queues.consume_from.values()}
