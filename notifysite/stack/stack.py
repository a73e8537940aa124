"""One stack on one folder: its servers, its environment, its record."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from notifysite.stack import binaries, confinement, keys, postgres, record
from notifysite.stack.attention import Attention
from notifysite.stack.console import Console
from notifysite.stack.folder import Folder, held, make_sockets
from notifysite.stack.identity import Identity, end, identify, is_running
from notifysite.stack.postgres import Postgres
from notifysite.stack.processes import Process
from notifysite.stack.supervisor import Supervisor
from notifysite.stack.valkey import Valkey, broker_url

SUPERVISOR = "supervisor"  # its name in the record
LEFTOVER_GRACE = 15.0  # seconds a process of a killed stack gets to end by itself


class Stack:
    """The servers and processes on one folder, and what is known about them."""

    def __init__(self, folder: Folder, console: Console, attention: Attention) -> None:
        self.folder, self.console = folder, console
        self.supervisor = Supervisor(folder, console, attention, changed=self._processes_changed)
        last = record.load(folder.record)
        self._left, self._record = last.pids, record.Record(binaries=last.binaries)

    def end_leftovers(self) -> None:
        """End what a killed stack left running; known by pid, start time and command line."""
        for name, known in reversed(self._left.items()):
            if name != SUPERVISOR and is_running(known):
                self.console.warn(
                    f"{name} was left running by a killed stack (pid {known.pid}); ended"
                )
                by = signal.SIGINT if name == "postgres" else signal.SIGTERM
                end(known, by=by, grace=LEFTOVER_GRACE)

    def start_servers(self, *, lasting: bool = True) -> None:
        """Bring up PostgreSQL and Valkey, or take those the environment names. What is not to be
        `lasting` is quicker, and lost with the machine."""
        self.offer(keys.ensure(self.folder.secrets))
        self.insist({"NOTIFYSITE_EMBEDDED": "1", "NOTIFYSITE_VAR": str(self.folder.path)})
        database = given("DATABASE_URL") or self._start_postgres(lasting=lasting)
        redis = given("REDIS_URL") or self._start_valkey()
        self.offer({"DATABASE_URL": database, "REDIS_URL": redis})
        self.offer({"CELERY_BROKER_URL": broker_url(redis)})

    def start(self, process: Process) -> None:
        """Start one process, saying so."""
        self.console.step(f"starting {process.name}")
        self.supervisor.start(process)

    def offer(self, variables: dict[str, str]) -> None:
        """Pass variables to what is started from here on, unless our own environment has them."""
        known = {name: given(name) for name in variables}
        self.supervisor.env.update({name: variables[name] for name in variables if not known[name]})
        self._record.env.update({name: known[name] or variables[name] for name in variables})
        self._save()

    def insist(self, variables: dict[str, str]) -> None:
        """Pass variables to what is started from here on, whatever our own environment says."""
        self.supervisor.env.update(variables)
        self._record.env.update(variables)
        self._save()

    def stop(self) -> None:
        """Stop everything; the data stays."""
        self.supervisor.stop()
        with suppress(OSError):
            self.folder.sockets.rmdir()

    def _start_postgres(self, *, lasting: bool) -> str:
        confined = confinement.choose(self.folder)
        made_by = postgres.made_by(confined.data)
        found = binaries.find_postgres(
            recorded=self._record.binaries.get("postgres"), made_by=made_by
        )
        self._record.binaries["postgres"] = str(found.path)
        make_sockets(self.folder, owner=confined.owner)
        server = Postgres(
            program=confinement.readable_by(confined, found.path, version=found.number),
            major=found.version[0],
            confinement=confined,
            folder=self.folder,
            lasting=lasting,
        )
        if made_by is None:
            self.console.step(f"making a database with PostgreSQL {found}")
            server.initialise()
        self.console.step(f"starting PostgreSQL {found}")
        self.supervisor.start(server.process())
        return server.url

    def _start_valkey(self) -> str:
        found = binaries.find_valkey(recorded=self._record.binaries.get("valkey"))
        self._record.binaries["valkey"] = str(found.path)
        if not self.folder.sockets.exists():
            make_sockets(self.folder, owner=os.getuid())
        server = Valkey(program=found.path, folder=self.folder)
        server.initialise()
        self.console.step(f"starting {found.path.name} {found}")
        self.supervisor.start(server.process())
        return server.url

    def _processes_changed(self, running: dict[str, Identity]) -> None:
        me = identify(os.getpid())
        self._record.pids = {SUPERVISOR: me, **running} if me and running else {}
        if not running:
            self._record.env = {}  # nobody may be sent to servers that are gone
        self._save()

    def _save(self) -> None:
        record.save(self.folder.record, self._record)


@contextmanager
def opened(folder: Folder, console: Console, *, purpose: str) -> Iterator[Stack]:
    """A stack that holds the folder, and is stopped however the block ends."""
    attention = Attention()
    with held(folder, purpose=purpose):
        stack = Stack(folder, console, attention)
        stack.end_leftovers()
        try:
            yield stack
        finally:
            stack.stop()


def given(name: str) -> str:
    """What the environment says, itself or in the file it names with NAME_FILE."""
    if os.environ.get(name):
        return os.environ[name]
    path = Path(os.environ.get(f"{name}_FILE") or os.devnull)
    return path.read_text().strip() if path.is_file() else ""
