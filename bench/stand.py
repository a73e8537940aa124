"""The servers of a run, and on them the product's own processes, or those of a peer."""

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import redis

from bench import content, cpu
from bench.mailbox import Mailbox
from notifysite.stack.processes import ROOT, Process
from notifysite.stack.valkey import broker_url
from tests.chaos.stand.crew import Crew
from tests.chaos.stand.database import ask
from tests.chaos.stand.program import Program, Spawner, wait_until

# What would change how the product runs: here it runs as it does without any of it.
FOREIGN = (
    "ALLOWED_", "ANYMAIL_", "API_", "BRAND_", "CELERY_", "CONN_", "DATABASE_", "DEBUG", "DJANGO_",
    "EMAIL_", "EMBEDDED", "FIELD_", "LOG_", "METRICS_", "NOTIFYSITE_", "NUDGE_", "OUTBOUND_", "PG",
    "PORT", "PUBLIC_", "PYTEST_", "REDIS_", "SECRET_", "VAPID_", "WEB_", "WEBPUSH_",
)  # fmt: skip
KEYS = {
    "SECRET_KEY": "a-key-that-only-a-benchmark-uses-and-that-guards-nothing-at-all-0",
    "FIELD_ENCRYPTION_KEYS": "b1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    "FIELD_HASH_KEY": "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=",
}
BUSY = "SELECT EXISTS (SELECT FROM delivery WHERE state IN (1, 2))"  # queued, sending
# What is measured pays for being looked at.
LOOK_SECONDS = 0.5
# Nothing is due before all are accepted, however slow that is.
ACCEPTED_A_SECOND, AHEAD_SECONDS = 1_000, 6.0
DONE = "SELECT count(*) FROM notification WHERE status = 3"


class Database:
    """One database of the server."""

    def __init__(self, url: str) -> None:
        self.url = url

    def sql(self, statement: str, values: Any = None) -> list[tuple[Any, ...]]:
        """Ask it."""
        return ask(self.url, statement, values)

    def number(self, statement: str) -> int:
        """The one number that answers a question."""
        return int(self.sql(statement)[0][0])

    def postmaster(self) -> int:
        """The process that started all others of this server, and reaps them."""
        with closing(psycopg2.connect(self.url)) as held:  # its process is there as long as it is
            return cpu.parent_of(held.get_backend_pid())


class Stand:
    """PostgreSQL and Redis as the environment names them; what is made there is dropped again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.spawner = Spawner()
        self.key = ""  # of the API
        self._server = Database(os.environ["DATABASE_URL"])
        self.redis_url = os.environ["REDIS_URL"]
        self._redis = redis.Redis.from_url(self.redis_url)
        self._run = f"bench_{secrets.token_hex(4)}"
        self._made: dict[str, Database] = {}
        self._kept: set[str] = set()  # of those what later rounds begin from
        self._postmaster = self._server.postmaster()

    def close(self) -> None:
        """Drop all databases."""
        self.spawner.close()
        for name in list(self._made):
            self.drop(name)
        self._redis.close()

    def database_cpu(self) -> float:
        """CPU seconds PostgreSQL has spent so far."""
        return cpu.of_tree(self._postmaster)

    def spent_by(self, crew: Crew) -> "Spending":
        """CPU seconds so far, of all these processes and of PostgreSQL."""
        return Spending(cpu.of_tree(*(one.pid for one in crew)), self.database_cpu())

    def broker_messages(self) -> int:
        """How many messages Redis was given as a broker so far."""
        told: Any = self._redis.info("commandstats")
        return int(told.get("cmdstat_lpush", {"calls": 0})["calls"])

    def versions(self) -> dict[str, str]:
        """What the servers call themselves."""
        told: Any = self._redis.info("server")
        kind = "Valkey" if "valkey_version" in told else "Redis"
        number = told.get("valkey_version") or told["redis_version"]
        version = self._server.sql("SHOW server_version")[0][0].split()[0]
        return {"PostgreSQL": version, kind: number}

    def database(self, name: str, *, template: str = "template0") -> Database:
        """A new database; `template` is one of ours."""
        source = self._full(template) if template in self._made else template
        self._server.sql(f'CREATE DATABASE "{self._full(name)}" TEMPLATE "{source}"')
        parts = urlsplit(self._server.url)
        made = Database(urlunsplit(parts._replace(path=f"/{self._full(name)}")))
        self._made[name] = made
        return made

    def drop(self, name: str) -> None:
        """Be rid of a database."""
        del self._made[name]
        self._server.sql(f'DROP DATABASE IF EXISTS "{self._full(name)}" WITH (FORCE)')

    def tidy(self) -> None:
        """Drop what a contender that broke left behind."""
        for name in [made for made in self._made if made not in self._kept]:
            self.drop(name)

    def rest(self) -> None:
        """Write down what is to be written, so that nobody pays for who was before them."""
        self._server.sql("CHECKPOINT")

    def environment(self, database: Database | None, **more: str) -> dict[str, str]:
        """What a process is given: our own environment, less what would change the product."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        given = {"DATABASE_URL": database.url} if database else {}
        return {
            **kept,
            **KEYS,
            **given,
            "REDIS_URL": self.redis_url,
            "CELERY_BROKER_URL": broker_url(self.redis_url),
            "DJANGO_SETTINGS_MODULE": "notifysite.settings",
            "NOTIFYSITE_VAR": str(self.folder),
            "API_REQUESTS_PER_MINUTE": "1000000000",
            "PYTHONPATH": str(ROOT),
            "PYTHONHASHSEED": "0",
            **more,
        }

    def run(self, module: str, *words: object, env: Mapping[str, str]) -> dict[str, Any]:
        """Run a program of ours to its end; returns what it told last."""
        command = [sys.executable, "-m", module, *map(str, words)]
        done = subprocess.run(
            command, cwd=ROOT, env=env, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"{module} {words} failed: {done.stderr[-3000:]}")
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return told

    @contextmanager
    def process(self, *words: object, env: Mapping[str, str]) -> Iterator["Peer"]:
        """Run a module of Python beside us; kill it in the end."""
        command = (sys.executable, "-m", *map(str, words))
        process = Process(name=f"peer-{words[0]}", command=command, stage=0)
        log = self.folder / "peer.log"
        program = Program(process, spawner=self.spawner, env=env, log=log)
        program.start()
        try:
            yield Peer(self, program)
        finally:
            program.kill_group()

    @contextmanager
    def product(self, *, people: int, **env: str) -> Iterator["Product"]:
        """The product on a database with so many people; starts none of its processes."""
        template = self._peopled(people)
        self.database("product", template=template)
        product = Product(self, self._made["product"], env)
        try:
            yield product
        finally:
            product.crew.end()
            self.drop("product")

    def _peopled(self, people: int) -> str:
        if "empty" not in self._made:
            empty = self.database("empty")
            told = self.run("bench.fill", "tables", env=self.environment(empty))
            self.key = told["key"]
            self._kept.add("empty")
        name = f"people_{people}"
        if name not in self._made:
            filled = self.database(name, template="empty")
            self.run("bench.fill", "people", people, env=self.environment(filled))
            self._kept.add(name)
        return name

    def _full(self, name: str) -> str:
        return f"{self._run}_{name}"


@dataclass(frozen=True, slots=True)
class Spending:
    """What had been spent at a moment: by a contender's processes, and by PostgreSQL."""

    own: float
    database: float

    def since(self, before: "Spending") -> "Spending":
        """What was spent in between."""
        return Spending(self.own - before.own, self.database - before.database)


@dataclass(frozen=True, slots=True)
class Peer:
    """A running process of somebody else."""

    stand: Stand
    program: Program

    def spent(self) -> Spending:
        """CPU seconds so far, its own and those of PostgreSQL."""
        return Spending(cpu.of_tree(self.program.pid), self.stand.database_cpu())


class Product:
    """The product's processes on a database of their own, and its API's doors."""

    def __init__(self, stand: Stand, database: Database, env: Mapping[str, str]) -> None:
        self.stand, self.database = stand, database
        # Nobody else's nudges are heard, nor are ours.
        queues = {"NUDGE_QUEUES": f"bench-{secrets.token_hex(4)}"}
        self.env = stand.environment(database, **queues, **env)
        self.crew = Crew(stand.folder, spawner=stand.spawner, env=self.env)

    def start(self, *kinds: str) -> None:
        """Start processes, one for each word."""
        for kind in kinds:
            self.crew.start(kind, watched=False)

    def fill(self, what: str, number: int, **words: object) -> dict[str, Any]:
        """See `bench.fill`."""
        given = [part for name, value in words.items() for part in (f"--{name}", value)]
        return self.stand.run("bench.fill", what, number, *given, env=self.env)

    def order(
        self, number: int, *, first: int = 0, type: str = "parcel", wait: float = 0.0
    ) -> float:
        """Have one notification accepted for each of so many people, to be sent at once or `wait`
        seconds from now; returns when that is, in seconds of the epoch."""
        told = self.fill("orders", number, first=first, wait=wait, type=type, key=self.stand.key)
        if wait and told["late"] > 0:
            raise RuntimeError(f"accepting {number} took {told['late']:.1f} s too long")
        return float(told["start"])

    def order_ahead(self, number: int, *, first: int, type: str = "parcel") -> Spending:
        """The same, all accepted before the first is due; returns just before that what has been
        spent so far."""
        wait = AHEAD_SECONDS + number / ACCEPTED_A_SECOND
        due = self.order(number, first=first, type=type, wait=wait)
        self.stand.rest()
        time.sleep(max(0.0, due - 0.5 - time.time()))
        if (late := time.time() - due) > 0:
            print(f"{late:.1f} s too late: CPU that was spent until then is not counted")
        return self.spent()

    def spent(self) -> Spending:
        """CPU seconds so far, of everything that was started and of PostgreSQL."""
        return self.stand.spent_by(self.crew)

    def await_rest(self, done: int, *, within: float = 60.0) -> None:
        """Wait until so many notifications are done, and nothing is under way."""
        with closing(psycopg2.connect(self.database.url)) as held, held.cursor() as cursor:
            held.autocommit = True
            wait_until(
                lambda: not _one(cursor, BUSY) and _one(cursor, DONE) >= done,
                f"{done} were done",
                within=within,
                every=LOOK_SECONDS,
            )

    def warm_up(self, mailbox: Mailbox, number: int) -> None:
        """Have the first so many people written to at once, and wait until that is done."""
        self.order(number)
        mailbox.wait_for(content.written_to(number), within=120)
        self.await_rest(number)


def _one(cursor: Any, statement: str) -> int:
    cursor.execute(statement)
    return int(cursor.fetchone()[0])
