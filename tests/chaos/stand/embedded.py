"""The whole product as `make run` starts it, on a folder of its own, to be killed."""

import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from notifysite.stack import record
from notifysite.stack.folder import Folder, is_held, open_folder
from notifysite.stack.identity import Identity, is_running
from notifysite.stack.processes import Process
from notifysite.stack.testbed import free_port
from tests.chaos.stand.database import ask
from tests.chaos.stand.program import Program, Spawner

STARTED_WITHIN = 300.0  # seconds for servers, migrations, demo content and all processes
READY = "notifysite is ready."


class Embedded:
    """`python -m notifysite.stack run`; asked as a database is, once it runs."""

    def __init__(self, path: Path, *, spawner: Spawner, env: Mapping[str, str]) -> None:
        self.folder: Folder = open_folder(path)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._said = path / "said"
        process = Process(
            name="embedded stack",
            command=(sys.executable, "-m", "notifysite.stack", "run"),
            stage=1,
            stop_by=signal.SIGTERM,
            ready=lambda _pid: READY in self._said.read_text(),
            patience=STARTED_WITHIN,
        )
        own = {
            "NOTIFYSITE_VAR": str(path),
            "PORT": str(self.port),
            "DJANGO_SETTINGS_MODULE": "tests.chaos.embedded_settings",
        }
        self.supervisor = Program(process, spawner=spawner, env={**env, **own}, log=self._said)

    def start(self) -> None:
        """Start it and wait until it calls itself ready."""
        self._said.write_text("")
        self.supervisor.start()

    def kill_supervisor(self) -> None:
        """kill -9 of the supervisor alone."""
        self.supervisor.kill()

    def kill_everything(self) -> None:
        """kill -9 of every process it has, with whatever each has started."""
        for one in self.processes().values():
            with suppress(ProcessLookupError):
                os.killpg(one.pid, signal.SIGKILL)
        self.supervisor.wait()

    def processes(self) -> dict[str, Identity]:
        """What it says it runs."""
        return record.load(self.folder.record).pids

    def left(self, known: Mapping[str, Identity]) -> list[str]:
        """Which of these processes still run."""
        return [name for name, one in known.items() if is_running(one)]

    def is_held(self) -> bool:
        """Whether somebody holds its folder."""
        return is_held(self.folder)

    def key(self) -> str:
        """The API key of its demo content."""
        lines = (self.folder.path / "demo.env").read_text().splitlines()
        said = dict(line.partition("=")[::2] for line in lines)
        return said["NOTIFYSITE_API_KEY"].strip("'\"")

    def sql(self, statement: str, values: Any = None) -> list[tuple[Any, ...]]:
        """Ask its database."""
        return ask(record.load(self.folder.record).env["DATABASE_URL"], statement, values)

    def number(self, statement: str, values: Any = None) -> Any:
        """The one value a question has."""
        return self.sql(statement, values)[0][0]
