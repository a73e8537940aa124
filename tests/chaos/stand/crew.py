"""The product's own processes, and a watcher that starts again what dies."""

import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from notifysite.stack.processes import Process, processes
from notifysite.stack.testbed import free_port
from tests.chaos.stand.program import PATIENCE, START_SECONDS, Program, Spawner, wait_until

PAUSE = 0.5  # seconds a dead process stays dead, as with the product's own supervisor
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Crew:
    """Runs `web`, `worker-<lane>`, `pump` and `beat` with the commands the product runs them by.

    A second one of a kind is called `web-2`. All are given `env`; each may be given more.
    """

    def __init__(self, folder: Path, *, spawner: Spawner, env: Mapping[str, str]) -> None:
        self.env = dict(env)
        self.urls: list[str] = []  # where the web processes listen
        self._folder, self._spawner = folder, spawner
        self._members: dict[str, Program] = {}
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="watcher", daemon=True)
        self._watcher.start()

    def __getitem__(self, name: str) -> Program:
        return self._members[name]

    def __iter__(self) -> Iterator[Program]:
        return iter(list(self._members.values()))

    def start(self, kind: str, *, watched: bool = True, **env: str) -> Program:
        """Start one more process of a kind; with `watched` it is started again when it dies."""
        port = free_port()
        process = next(one for one in processes(port) if one.name == kind)
        return self.run(self._renamed(process, port), watched=watched, **env)

    def run(self, process: Process, *, watched: bool = False, **env: str) -> Program:
        """Start any process beside the product's, with the environment they are given."""
        log = self._folder / f"{process.name}.log"
        program = Program(process, spawner=self._spawner, env={**self.env, **env}, log=log)
        program.start()
        program.watched = watched
        self._members[process.name] = program
        return program

    def of(self, kind: str) -> list[Program]:
        """All processes whose names begin so: `worker`, `worker-default`, `web`."""
        return [one for one in self if one.name == kind or one.name.startswith(f"{kind}-")]

    def rest(self) -> None:
        """Start nothing again from here on."""
        for member in self:
            member.watched = False

    def end(self) -> None:
        """Kill everything."""
        self.rest()
        self._over.set()
        self._watcher.join()
        for member in self:
            member.kill_group()

    def _renamed(self, process: Process, port: int) -> Process:
        number = 1 + len([one for one in self if one.name.rstrip("-0123456789") == process.name])
        name = process.name if number == 1 else f"{process.name}-{number}"
        command = process.command
        if "-n" in command:  # two workers of one name would take each other for one
            at = command.index("-n") + 1
            command = (*command[:at], f"{name}@%h", *command[at + 1 :])
        if process.name != "web":
            return replace(process, name=name, command=command)
        url = f"http://127.0.0.1:{port}"
        self.urls.append(url)
        return replace(
            process,
            name=name,
            ready=lambda _pid: answers(f"{url}/healthz"),
            patience=START_SECONDS,
        )

    def _watch(self) -> None:
        dead: dict[str, float] = {}
        while not self._over.wait(0.05):
            for member in self:
                if member.running or not member.watched:
                    dead.pop(member.name, None)
                elif time.monotonic() - dead.setdefault(member.name, time.monotonic()) > PAUSE:
                    member.start_again()


def answers(url: str) -> bool:
    """Whether a GET is answered 200."""
    with suppress(urllib.error.URLError, OSError), DIRECT.open(url, timeout=2) as answer:
        return bool(answer.status == 200)
    return False


def await_web(crew: Crew) -> None:
    """Wait until every web process answers again."""
    for url in crew.urls:
        wait_until(lambda url=url: answers(f"{url}/healthz"), f"{url} answered", within=PATIENCE)
