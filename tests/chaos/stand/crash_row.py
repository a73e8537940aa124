"""One channel of the matrix of crash points: for each point a flight of messages, a process that
exits there, its next life without that, and what it cost."""

import json
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

import httpx

from tests.chaos.stand.dead_letters import bury
from tests.chaos.stand.people import settle_in
from tests.chaos.stand.program import Program, wait_until
from tests.chaos.stand.scene import Scene

EXIT_CODE = 9
WITHIN = 240.0  # seconds until a process has come to a place


class Cost(NamedTuple):
    """What a crash cost of a flight."""

    lost: int
    unknown: int  # tries whose answer was lost
    copies: int


class Channel(NamedTuple):
    """What is sent on it, and who carries it."""

    number: int
    type: str
    provider: str = "acme"


class Row:
    """The cells of one channel; `flight` messages each. The scene has a web, a worker and a pump.

    `cost(point)` plays a cell and brings the scene to rest.
    """

    def __init__(self, scene: Scene, channel: Channel, *, flight: int) -> None:
        self._scene, self._channel, self._flight = scene, channel, flight
        self._people = settle_in(scene.load, flight)
        self._worker, self._pump = scene.crew["worker-default"], scene.crew["pump"]

    def cost(self, point: str) -> Cost:
        """Crash there, go on without, and count."""
        crashes: dict[str, Callable[[str], list[str]]] = {
            "accept": self._accepting,
            "recover": self._recovering,
            "replay": self._replaying,
        }
        notifications = crashes.get(point.partition(".")[0], self._working)(point)
        self._scene.come_to_rest()
        return self._count(notifications)

    def _working(self, point: str) -> list[str]:
        self._arm_worker(point)
        notifications = self._post()
        self._await_death(self._worker, point)
        self._revive(self._worker)
        return notifications

    def _recovering(self, point: str) -> list[str]:
        """A worker leaves rows without an answer, and who looks after them dies of that, too."""
        self._pump.end()
        self._arm_worker("dispatch.landed")
        notifications = self._post()
        self._await_death(self._worker, "dispatch.landed")
        overdue = "SELECT count(*) FROM delivery WHERE state = 2 AND due_at < clock_timestamp()"
        wait_until(
            lambda: self._scene.database.number(overdue) == self._flight, "the leases ran out"
        )
        self._start(self._pump, failpoints=f"{point}=exit")
        self._await_death(self._pump, point)
        self._revive(self._pump)
        self._revive(self._worker)
        return notifications

    def _accepting(self, point: str) -> list[str]:
        """The client asks again, under the same key, until somebody answers."""
        urls, found = self._scene.crew.urls, list[str]()
        usual = list(urls)
        doomed = self._doomed_web(point)
        urls[:] = [urls[-1]]
        asking = threading.Thread(target=lambda: found.extend(self._post()), daemon=True)
        asking.start()
        self._await_death(doomed, point)
        urls[:] = usual
        asking.join(WITHIN)
        return found

    def _replaying(self, point: str) -> list[str]:
        notifications = list[str]()

        def post() -> list[str]:
            notifications.extend(self._post())
            return notifications

        letters = bury(
            self._scene, post, provider=self._channel.provider, channel=self._channel.number
        )
        doomed, body = self._doomed_web(point), {"filter": {"ids": letters}}
        url = self._scene.crew.urls.pop()
        with suppress(httpx.TransportError):
            self._scene.load.ask("POST", "deliveries/replay", body, url=url)
        self._await_death(doomed, point)
        self._scene.load.ask("POST", "deliveries/replay", body).raise_for_status()
        return notifications

    def _doomed_web(self, point: str) -> Program:
        return self._scene.crew.start("web", watched=False, NOTIFYSITE_FAILPOINTS=f"{point}=exit")

    def _post(self) -> list[str]:
        body = {"type": self._channel.type, "to": self._people}
        return self._scene.load.insist(json.dumps(body))

    def _arm_worker(self, point: str) -> None:
        """A new worker that is to die there, and has no nudge of before to do so too early."""
        self._worker.end()
        self._scene.redis.flush()
        self._start(self._worker, failpoints=f"{point}=exit")
        wait_until(self._scene.redis.listeners, "the worker listened", within=WITHIN)

    def _start(self, program: Program, *, failpoints: str) -> None:
        program.env["NOTIFYSITE_FAILPOINTS"] = failpoints
        program.start()

    def _revive(self, program: Program) -> None:
        self._start(program, failpoints="")
        program.watched = True

    def _await_death(self, program: Program, point: str) -> None:
        wait_until(lambda: not program.running, f"{program.name} came to {point}", within=WITHIN)
        self._scene.demand(f"{point} ended {program.name}", program.exit_code == EXIT_CODE)

    def _count(self, notifications: list[str]) -> Cost:
        sql = self._scene.database.sql
        rows = dict(sql(_DELIVERIES, [notifications]))
        ledger = Counter(entry["reference"] for entry in self._scene.provider.taken())
        lines = {id_: ledger[id_] for id_ in rows}
        there = sum(lines[id_] > 0 or in_inbox for id_, in_inbox in rows.items())
        ((unknown,),) = sql(_UNKNOWN, [list(rows)])
        copies = sum(count - 1 for count in lines.values() if count)
        return Cost(lost=self._flight - there, unknown=unknown, copies=copies)


_DELIVERIES = """
    SELECT d.id::text, i.id IS NOT NULL FROM delivery AS d LEFT JOIN inbox_item AS i ON i.id = d.id
    WHERE d.notification_id = ANY(%s::uuid[])
"""
_UNKNOWN = """
    SELECT count(*) FROM delivery_attempt WHERE delivery_id = ANY(%s::uuid[]) AND outcome = 7
"""
