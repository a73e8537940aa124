"""Starts processes, keeps them running, and stops them in reverse."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from notifysite.stack.attention import Attention
from notifysite.stack.confinement import tie
from notifysite.stack.console import Console, Halt
from notifysite.stack.folder import Folder, rotate
from notifysite.stack.identity import Identity, identify
from notifysite.stack.processes import Process

GRACE = 30.0  # seconds to end by itself before it is killed
BACKOFF = (0.5, 1, 2, 4, 8, 16, 30)  # seconds before a restart
STEADY = 60.0  # seconds after which earlier deaths are forgiven
NOTE_EVERY = 2.0  # seconds between two looks at who is who
HOPELESS = 3  # deaths of one process while the stack still starts


@dataclass(slots=True)
class Child:
    """A process of ours and how it fares."""

    process: Process
    popen: subprocess.Popen[bytes]
    began: float
    deaths: int = 0
    again_at: float | None = None  # when it is to be restarted; None while it runs


class Supervisor:
    """Parent of all children, in one thread: the kernel ties a child to a thread's life."""

    def __init__(
        self,
        folder: Folder,
        console: Console,
        attention: Attention,
        *,
        changed: Callable[[dict[str, Identity]], None],
    ) -> None:
        self.env: dict[str, str] = {}
        self._folder, self._console, self._attention = folder, console, attention
        self._changed = changed
        self._children: list[Child] = []
        self._noted: dict[str, Identity] = {}
        self._noted_at = 0.0

    def start(self, process: Process) -> None:
        """Start a process and wait until it is ready."""
        rotate(self._folder.log(process.name))
        child = Child(process, self._spawn(process), time.monotonic())
        self._children.append(child)
        self._note()
        self._await_ready(child)
        self._note()

    def run(self, name: str, command: tuple[str, ...], *, log: Path | None = None) -> int:
        """Run one command to its end, beside the children, and give its exit code."""
        rotate(self._folder.log(name))
        output = log.open("ab") if log else None
        try:
            popen = subprocess.Popen(
                (*tie("TERM"), *command), stdout=output, stderr=output, env=self._environment()
            )
        finally:
            if output:
                output.close()
        try:
            self.wait_until(lambda: popen.poll() is not None, patience=float("inf"))
        except BaseException:
            self._end(popen)
            raise
        return popen.returncode

    def wait_until(self, done: Callable[[], bool], *, patience: float) -> bool:
        """Keep the children running until `done`; False when patience ends first."""
        deadline = time.monotonic() + patience
        while not done():
            if time.monotonic() > deadline:
                return False
            self._look_after_children()
            for child in self._children:
                if child.deaths >= HOPELESS:
                    raise self._failed(child)
            self._attention.pause()
        return True

    def watch(self) -> None:
        """Keep the children running until somebody interrupts."""
        while True:
            self._look_after_children()
            self._attention.pause(0.1)

    def stop(self) -> None:
        """Stop all children, the last started first; PostgreSQL is the last to go."""
        self._attention.now_stopping()
        for stage in sorted({child.process.stage for child in self._children}, reverse=True):
            self._stop([child for child in self._children if child.process.stage == stage])
        self._children.clear()
        self._note()

    def _spawn(self, process: Process) -> subprocess.Popen[bytes]:
        if process.before:
            process.before()
        tied = tie(process.dies_by) if process.tied else ()
        with self._folder.log(process.name).open("ab") as log:
            return subprocess.Popen(
                (*tied, *process.command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=process.folder,
                env={**self._environment(), **process.env},
                start_new_session=True,
                user=process.user,
                group=process.user,
                extra_groups=None if process.user is None else [],
            )

    def _environment(self) -> Mapping[str, str]:
        return {**os.environ, **self.env}

    def _await_ready(self, child: Child) -> None:
        ready = child.process.ready
        if ready is None:
            return
        is_ready = ready
        if not self.wait_until(lambda: is_ready(child.popen.pid), patience=child.process.patience):
            raise self._failed(child)

    def _look_after_children(self) -> None:
        now = time.monotonic()
        for child in self._children:
            if child.again_at is None and child.popen.poll() is not None:
                self._mourn(child, now)
            elif child.again_at is not None and child.again_at <= now:
                child.popen, child.began, child.again_at = self._spawn(child.process), now, None
        if now > self._noted_at + NOTE_EVERY:
            self._note()

    def _mourn(self, child: Child, now: float) -> None:
        _kill_group(child.popen.pid)  # whatever it left behind would be in the way of the next
        lived = now - child.began
        child.deaths = 1 if lived > STEADY else child.deaths + 1
        wait = BACKOFF[min(child.deaths, len(BACKOFF)) - 1]
        child.again_at = now + wait
        log = self._folder.log(child.process.name)
        self._console.warn(
            f"{child.process.name} ended ({_cause(child.popen.returncode)}) after {lived:.0f} s; "
            f"again in {wait:g} s. See {log}"
        )

    def _stop(self, children: list[Child]) -> None:
        deadline = time.monotonic() + GRACE
        running = [child for child in children if child.popen.poll() is None]
        for child in running:
            child.popen.send_signal(child.process.stop_by)
        for child in running:
            while child.popen.poll() is None:
                if time.monotonic() > deadline or self._attention.hurry:
                    self._kill(child)
                self._attention.pause()
            _kill_group(child.popen.pid)  # whatever it started and left behind

    def _kill(self, child: Child) -> None:
        self._console.warn(f"{child.process.name} does not end; killed")
        _kill_group(child.popen.pid)
        child.popen.wait()

    def _end(self, popen: subprocess.Popen[bytes]) -> None:
        """End a command that was interrupted; Ctrl-C reached it too, so it may finish its words."""
        deadline = time.monotonic() + GRACE
        asked = self._attention.by_terminal
        self._attention.now_stopping()
        while popen.poll() is None:
            if not asked or self._attention.hurry:
                popen.terminate()
                asked = True
            if time.monotonic() > deadline:
                popen.kill()
            self._attention.pause()

    def _failed(self, child: Child) -> Halt:
        return Halt(
            f"{child.process.name} does not start",
            advice=child.process.advice,
            log=self._folder.log(child.process.name),
        )

    def _note(self) -> None:
        """Hand on who runs, whenever that changed; a title may change after the start."""
        noted = {
            child.process.name: found
            for child in self._children
            if child.again_at is None and (found := identify(child.popen.pid))
        }
        self._noted_at = time.monotonic()
        if noted != self._noted:
            self._noted = noted
            self._changed(noted)


def _kill_group(leader: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def _cause(returncode: int) -> str:
    if returncode >= 0:
        return f"code {returncode}"
    return f"signal {signal.Signals(-returncode).name}"
