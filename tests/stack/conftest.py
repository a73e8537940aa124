"""Start small real stacks, and look at what they leave."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest

from notifysite.stack import record
from notifysite.stack.folder import Folder
from notifysite.stack.identity import Identity, is_running

ROOT = Path(__file__).parents[2]
LITTLE = Path(__file__).with_name("little_stack.py")
PATIENCE = 60.0


def wait_until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {PATIENCE:.0f} s until {what}")
        time.sleep(0.02)


class LittleStack:
    """One folder and the stack that runs on it from time to time."""

    def __init__(self, folder: Path, output: Path) -> None:
        self.folder = Folder(folder.resolve())
        self._output = output
        self._running: subprocess.Popen[bytes] | None = None

    def launch(self, *children: str, **env: str) -> None:
        """Begin to start, without waiting."""
        self._output.write_bytes(b"")
        with self._output.open("ab") as output:
            self._running = subprocess.Popen(
                [sys.executable, str(LITTLE), str(self.folder.path), *children],
                stdout=output,
                stderr=output,
                env={**clean_environment(), **env},
            )

    def start(self, *children: str, **env: str) -> None:
        self.launch(*children, **env)
        wait_until(lambda: self.says("UP") or self.has_ended(), "the stack was up")
        assert self.says("UP"), self.output()

    def end(self) -> int:
        """Wait for it to end by itself; gives its exit code."""
        assert self._running is not None
        return self._running.wait(PATIENCE)

    def stop(self) -> int:
        assert self._running is not None
        self._running.send_signal(signal.SIGTERM)
        return self.end()

    def kill(self) -> None:
        """kill -9 of the supervisor alone."""
        assert self._running is not None
        self._running.kill()
        self._running.wait()

    def kill_everything(self) -> None:
        """kill -9 of the supervisor and of all it runs, at once."""
        for one in self.processes().values():
            os.kill(one.pid, signal.SIGKILL)
        self.end()

    def has_ended(self) -> bool:
        return self._running is None or self._running.poll() is not None

    def processes(self) -> dict[str, Identity]:
        return record.load(self.folder.record).pids

    def output(self) -> str:
        return self._output.read_text()

    def says(self, words: str) -> bool:
        return words in self.output()

    def sql(self, statement: str) -> list[tuple[object, ...]]:
        url = json.loads(self.folder.record.read_text())["env"]["DATABASE_URL"]
        connection = psycopg2.connect(url)
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()


def clean_environment() -> dict[str, str]:
    """Ours, without what would lead a stack to servers that are already there."""
    ours = (
        "DATABASE_URL",
        "REDIS_URL",
        "CELERY_BROKER_URL",
        "NOTIFYSITE_",
        "SECRET_",
        "FIELD_",
        "PORT",
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "PYTHONPATH": str(ROOT)}


def all_gone(processes: dict[str, Identity]) -> bool:
    return not any(is_running(one) for one in processes.values())


@pytest.fixture
def little(tmp_path: Path) -> Iterator[LittleStack]:
    stack = LittleStack(tmp_path / "var", tmp_path / "output")
    yield stack
    if not stack.has_ended():
        stack.stop()
    wait_until(lambda: all_gone(stack.processes()), "the stack's processes were gone")
    shutil.rmtree(stack.folder.sockets, ignore_errors=True)


@pytest.fixture
def run_stack(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `python -m notifysite.stack …` to its end."""

    def run(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "notifysite.stack", *words],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**clean_environment(), "NOTIFYSITE_VAR": str(tmp_path / "var"), **env},
            timeout=PATIENCE,
            check=False,
        )

    return run
