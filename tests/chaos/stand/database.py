"""A PostgreSQL cluster of the stand's own, on a socket, confined as the embedded one is."""

import copy
import signal
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import quote

import psycopg2

from notifysite.stack import binaries, confinement
from notifysite.stack.folder import Folder, make_sockets
from notifysite.stack.postgres import PORT, ROLE, Postgres
from tests.chaos.stand.program import Program, Spawner

TEMPLATE, NAME = "template_chaos", "chaos"
OWNER = "notifysite"  # the database the cluster is born with
# What pg_ctl sends for each of its modes.
MODES = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}


class Database(Program):
    """The server; beside what happens to any process it is restarted, asked and emptied."""

    def __init__(self, folder: Folder, *, spawner: Spawner, env: Mapping[str, str]) -> None:
        confined = confinement.choose(folder)
        found = binaries.find_postgres(recorded=None, made_by=None)
        make_sockets(folder, owner=confined.owner)
        self.server = Postgres(
            program=confinement.readable_by(confined, found.path, version=found.number),
            major=found.version[0],
            confinement=confined,
            folder=folder,
        )
        self._sockets = folder.sockets
        self._holds = NAME
        process = replace(self.server.process(), patience=60)
        super().__init__(process, spawner=spawner, env=env, log=folder.log("postgres"))

    def initialise(self) -> None:
        """Make the cluster."""
        self.server.initialise()

    @property
    def socket(self) -> Path:
        """Where it listens, for a proxy in front of it."""
        return self._sockets / f".s.PGSQL.{PORT}"

    def beside(self, name: str) -> Self:
        """Another database of the same server, to be asked and emptied on its own."""
        other = copy.copy(self)
        other._holds = name
        return other

    def url(self, *, port: int | None = None, name: str | None = None) -> str:
        """How a process reaches it: by its socket, or by a proxy's port."""
        host = f"127.0.0.1:{port}" if port else f"{quote(str(self._sockets), safe='')}:{PORT}"
        return f"postgres://{ROLE}@{host}/{name or self._holds}"

    def restart(self, mode: Literal["fast", "immediate"]) -> None:
        """What `pg_ctl restart -m` does; returns when it takes connections again."""
        self.send(MODES[mode])
        self.wait()
        self.start()

    def sql(
        self, statement: str, values: Any = None, *, name: str | None = None
    ) -> list[tuple[Any, ...]]:
        """Ask it directly, past every proxy."""
        return ask(self.url(name=name), statement, values)

    def create(self, name: str, *, template: str = "template0") -> None:
        """A new database, in place of one of that name."""
        self.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', name=OWNER)
        self.sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}"', name=OWNER)

    def empty(self) -> None:
        """Begin again from the migrated, filled template."""
        self.create(self._holds, template=TEMPLATE)

    def drop(self) -> None:
        """Be rid of it."""
        self.sql(f'DROP DATABASE IF EXISTS "{self._holds}" WITH (FORCE)', name=OWNER)

    def now(self) -> float:
        """The server's time, in seconds of the epoch."""
        return float(self.number("SELECT extract(epoch FROM clock_timestamp())"))

    def number(self, statement: str, values: Sequence[Any] | None = None) -> Any:
        """The one value a question has."""
        return self.sql(statement, values)[0][0]


def ask(url: str, statement: str, values: Any = None) -> list[tuple[Any, ...]]:
    """What a database answers, over a connection of its own and outside any transaction."""
    with closing(psycopg2.connect(url, connect_timeout=5)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []
