"""One real process, and everything that may happen to it."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from notifysite.stack.confinement import tie
from notifysite.stack.processes import Process

PATIENCE = 60.0  # seconds for whatever surely comes
START_SECONDS = 300.0  # for processes to begin, on a machine that is busy with more


class Spawner:
    """Starts processes from one thread that lives as long as the stand.

    The kernel ends a child together with the thread that started it, so that nothing outlives a
    killed test run.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")

    def spawn(
        self, process: Process, *, env: Mapping[str, str], log: Path
    ) -> "subprocess.Popen[bytes]":
        """Start it in a process group of its own."""
        return self._thread.submit(_spawn, process, env, log).result()

    def close(self) -> None:
        """End the thread, and with it whatever is still tied to it."""
        self._thread.shutdown()


def _spawn(process: Process, env: Mapping[str, str], log: Path) -> "subprocess.Popen[bytes]":
    if process.before:
        process.before()
    tied = tie(process.dies_by) if process.tied else ()
    with log.open("ab") as output:
        return subprocess.Popen(
            (*tied, *process.command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=process.folder,
            env={**env, **process.env},
            start_new_session=True,
            user=process.user,
            group=process.user,
            extra_groups=None if process.user is None else [],
        )


class Program:
    """A process under a name: started, killed, frozen, ended; `deaths` counts its ends."""

    def __init__(
        self, process: Process, *, spawner: Spawner, env: Mapping[str, str], log: Path
    ) -> None:
        self.name, self.log, self.deaths = process.name, log, 0
        self.watched = False  # whether whoever watches it is to start it again
        self.env = dict(env)  # what its next start is given
        self._process, self._spawner = process, spawner
        self._popen: subprocess.Popen[bytes] | None = None
        self._lock = threading.RLock()

    @property
    def pid(self) -> int:
        """Of the process that runs now, or ran last."""
        assert self._popen is not None, f"{self.name} was never started"
        return self._popen.pid

    @property
    def running(self) -> bool:
        return self._popen is not None and self._popen.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How the process that ran last ended; None while it runs."""
        return None if self._popen is None else self._popen.poll()

    def start(self) -> None:
        """Start it and wait until it is ready, as far as it can say so."""
        with self._lock:
            self._popen = self._spawner.spawn(self._process, env=self.env, log=self.log)
        if ready := self._process.ready:
            wait_until(
                lambda: ready(self.pid) or not self.running,
                f"{self.name} was ready; see {self.log}",
                within=self._process.patience,
            )
            assert self.running, f"{self.name} does not start; see {self.log}"

    def start_again(self) -> None:
        """Start it after a death, without waiting until it is ready."""
        with self._lock:
            if self.watched and not self.running:
                self.deaths += 1
                self._kill_group()  # what it left behind would be in the way of the next
                self._popen = self._spawner.spawn(self._process, env=self.env, log=self.log)

    def kill(self) -> None:
        """kill -9 of the main process alone; returns once it is dead."""
        self.send(signal.SIGKILL)
        self.wait()

    def terminate(self, *, within: float = PATIENCE) -> float:
        """Tell it to end (SIGTERM); returns the seconds it took."""
        began = time.monotonic()
        self.send(signal.SIGTERM)
        self.wait(within=within)
        return time.monotonic() - began

    def kill_group(self) -> None:
        """kill -9 of all it is made of, at once."""
        self._kill_group()
        self.wait()

    def is_stopped(self) -> bool:
        """Whether it stands still (SIGSTOP), by whomever it was told to."""
        try:
            stat = Path(f"/proc/{self.pid}/stat").read_text()
        except OSError:
            return False
        return stat.rpartition(")")[2].split()[0] == "T"

    def freeze(self) -> None:
        """Stop all of it where it stands (SIGSTOP)."""
        self._signal_group(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on (SIGCONT)."""
        self._signal_group(signal.SIGCONT)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the main process."""
        with self._lock:
            if self._popen is not None and self._popen.poll() is None:
                self._popen.send_signal(number)

    def wait(self, *, within: float = PATIENCE) -> None:
        """Wait for the end of the process that runs now."""
        popen = self._popen
        if popen is not None:
            popen.wait(within)

    def end(self, *, by: signal.Signals | None = None, grace: float = 20.0) -> float:
        """End it for good, gently first; returns how many seconds it took."""
        began = time.monotonic()
        self.watched = False
        if self.running:
            self.thaw()
            self.send(by or self._process.stop_by)
            with suppress(subprocess.TimeoutExpired):
                self.wait(within=grace)
        self._kill_group()
        self.wait()
        return time.monotonic() - began

    def _kill_group(self) -> None:
        self._signal_group(signal.SIGKILL)

    def _signal_group(self, number: signal.Signals) -> None:
        with self._lock, suppress(ProcessLookupError):
            if self._popen is not None:
                os.killpg(self._popen.pid, number)


def wait_until(
    holds: Callable[[], object], what: str, *, within: float = PATIENCE, every: float = 0.05
) -> float:
    """Wait until something holds, looking `every` so many seconds; returns how long it took."""
    began = time.monotonic()
    while not holds():
        waited = time.monotonic() - began
        assert waited < within, f"waited {within:.0f} s until {what}"
        time.sleep(every)
    return time.monotonic() - began
