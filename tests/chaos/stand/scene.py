"""One fault's stage: servers begun anew, a provider, the product's processes, load, a verdict."""

import random
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal, Self

from tests.chaos.stand import oracle, report
from tests.chaos.stand.brokers import RabbitMQ, Redis
from tests.chaos.stand.crew import Crew
from tests.chaos.stand.database import Database
from tests.chaos.stand.load import Load
from tests.chaos.stand.program import START_SECONDS, Program, wait_until
from tests.chaos.stand.provider import Provider
from tests.chaos.stand.proxy import Proxy
from tests.chaos.stand.stand import Stand

PATIENCE = 420.0  # seconds a scene may take to come to rest, before it is judged as it is
AT_REST = 1.0  # seconds for which nothing may be open


class Scene:
    """What a fault works with.

    `crew`: the product's processes. `database`, `broker`: the servers. `database_wire`,
    `broker_wire`: the proxies in front of them, used only when `start` is told so. `provider`:
    what it does is told by `provider.tell`. `load`: posts, once `start` has run. `luck`: the
    seeded random numbers of this fault; draw nothing anywhere else.
    """

    def __init__(
        self, stand: Stand, folder: Path, finding: report.Finding, *, broker: str = "redis"
    ) -> None:
        self.stand, self.folder, self.finding = stand, folder, finding
        self.luck = random.Random(finding.seed)
        self.database: Database = stand.database
        self.redis: Redis = stand.redis
        self._kind, self._began = broker, time.monotonic()
        self._ending = ExitStack()

    def __enter__(self) -> Self:
        broker = self.broker  # a RabbitMQ node is started when it is first asked for
        self.stand.renew()
        self.database_wire = self._wire(self.database)
        self.broker_wire = self._wire(broker)
        self.provider = Provider(
            self.folder / "provider", spawner=self.stand.spawner, env=self.stand.env
        )
        self.provider.start()
        self._ending.callback(self.provider.kill_group)
        self.crew = Crew(self.folder, spawner=self.stand.spawner, env=self._environment())
        self._ending.callback(self.crew.end)
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.close()
        if not self.finding.finished:
            self._keep()

    @property
    def broker(self) -> Redis | RabbitMQ:
        return self.stand.broker(self._kind)

    def start(
        self,
        *,
        web: int = 1,
        workers: Mapping[str, int] | None = None,
        pump: int = 1,
        beat: int = 0,
        wires: tuple[Literal["database", "broker"], ...] = (),
        **env: str,
    ) -> None:
        """Start so many of each kind, `workers` by lane; all of them are started again when they
        die. `wires`: which servers they reach through their proxy. `env` is for all of them.
        """
        self.crew.env |= self._through(wires) | env
        for _ in range(web):
            self.crew.start("web")
        for lane, number in ({"default": 1} if workers is None else workers).items():
            for _ in range(number):
                self.crew.start(f"worker-{lane}")
        for kind, number in (("pump", pump), ("beat", beat)):
            for _ in range(number):
                self.crew.start(kind)
        if pump:
            beats = "SELECT count(*) FROM heartbeat WHERE kind = 'pump'"
            wait_until(
                lambda: self.database.number(beats) >= pump, "the pump ran", within=START_SECONDS
            )
        self.load = Load(
            self.folder, urls=self.crew.urls, key=self.stand.api_key, seed=self.finding.seed
        )
        self._ending.callback(self.load.close)

    @property
    def workers(self) -> list[Program]:
        """The workers of every lane."""
        return self.crew.of("worker")

    def nudges_taken(self) -> dict[str, float]:
        """When each worker process last took a nudge, in seconds of the epoch, by `kind:pid`."""
        rows = self.database.sql(
            "SELECT kind, name, extract(epoch FROM consumed_at)::float8 FROM heartbeat"
            " WHERE kind LIKE 'worker%' AND consumed_at IS NOT NULL"
        )
        return {f"{kind}:{name.rpartition(':')[2]}": at for kind, name, at in rows}

    def at_work(self) -> list[Program]:
        """The running workers that have taken a nudge in this life."""
        pids = {int(name.rpartition(":")[2]) for name in self.nudges_taken()}
        return [one for one in self.workers if one.running and one.pid in pids]

    def note(self, **numbers: Any) -> None:
        """Put numbers of the fault's own into its finding."""
        for name, value in numbers.items():
            self.finding.numbers[name] = round(value, 2) if isinstance(value, float) else value

    def demand(self, sentence: str, holds: object) -> None:
        """What this fault must not do; judged at the end, so that all of it is seen."""
        if not holds:
            self.finding.broken.append(sentence)

    def open_work(self) -> int:
        """How many notifications, deliveries and announcements wait for something to be done."""
        return oracle.open_work(self.database)

    def delivered(self) -> int:
        """How many deliveries the provider has taken so far, in the database's eyes."""
        return int(self.database.number("SELECT count(*) FROM delivery WHERE state IN (3, 4)"))

    def come_to_rest(self, *, within: float = PATIENCE) -> float:
        """Wait until nothing is left to do; returns the seconds since now, at most `within`."""
        began = time.monotonic()
        while (took := time.monotonic() - began) < within:
            if self.open_work() == 0:
                return took
            time.sleep(0.25)
        return took

    def being_sent(self) -> int:
        """How many deliveries are marked: on their way to a provider, or lost on it."""
        return int(self.database.number("SELECT count(*) FROM delivery WHERE state = 2"))

    def compare(self) -> oracle.Account:
        """What was accepted against what was sent, as it stands now."""
        accepted, ledger = self.load.accepted(), self.provider.taken()
        return oracle.audit(self.database, accepted=accepted, ledger=ledger)

    def rested(self) -> oracle.Account:
        """The same once nothing is left to do."""
        self.come_to_rest()
        return self.compare()

    def judge(self) -> None:
        """Wait for rest, compare, keep the finding, and fail when a law or a demand is broken. The
        last thing a fault does.
        """
        found = self.rested()
        self.finding.broken += found.broken
        self.conclude(found)

    def conclude(self, found: oracle.Account) -> None:
        """Keep the finding, and fail when anything of it is broken."""
        self.finding.account, self.finding.finished = found, True
        self._keep()
        assert not self.finding.broken, "; ".join(self.finding.broken)

    def _keep(self) -> None:
        self.finding.seconds = time.monotonic() - self._began
        report.keep(self.finding)

    def _wire(self, server: Database | Redis | RabbitMQ) -> Proxy:
        proxy = self.stand.proxy_for(server, seed=self.finding.seed)
        self._ending.callback(proxy.stop)
        return proxy

    def _environment(self) -> dict[str, str]:
        return {
            **self.stand.env,
            "ACME_URL": self.provider.url("acme"),
            "ZENITH_URL": self.provider.url("zenith"),
            **self._through(()),
        }

    def _through(self, wires: tuple[str, ...]) -> dict[str, str]:
        database = self.database_wire.port if "database" in wires else None
        broker = self.broker_wire.port if "broker" in wires else None
        cache = broker if self.broker is self.redis else None
        return {
            "DATABASE_URL": self.database.url(port=database),
            "REDIS_URL": self.redis.url(port=cache),
            "CELERY_BROKER_URL": self.broker.broker_url(port=broker),
        }
