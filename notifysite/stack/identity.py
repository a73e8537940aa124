"""Which process is which: a pid alone is soon someone else's."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

LOOKS = 5


@dataclass(frozen=True, slots=True)
class Identity:
    """One process for certain: its pid, when it was started, and its command line."""

    pid: int
    started: str
    command: tuple[str, ...]


def identify(pid: int) -> Identity | None:
    """Who runs under this pid now; None when no one does, or only a corpse."""
    if not _has_proc():
        return _identify_by_ps(pid)
    for _ in range(LOOKS):
        try:
            state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            command = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            return None
        if state in {"Z", "X"}:
            return None
        if command:
            words = tuple(os.fsdecode(word) for word in command.split(b"\0"))
            return Identity(pid, f"{_boot()}:{fields[18]}", words)
        time.sleep(0.002)  # it is just becoming another program, or just ending
    return None


def is_running(known: Identity) -> bool:
    """Whether that very process still runs."""
    now = identify(known.pid)
    if now is None or now.started != known.started:
        return False
    # The kernel counts hundredths of a second, so no two processes share a pid and a start. The
    # command line tells less: a wrapper becomes what it wraps, and a server renames itself.
    # `ps` counts whole seconds, and there the command line has to agree.
    return _has_proc() or known.command[-len(now.command) :] == now.command


def end(known: Identity, *, by: signal.Signals, grace: float) -> None:
    """Ask that process to end, wait `grace` seconds, then kill its group."""
    if not is_running(known):
        return
    with suppress(ProcessLookupError):
        os.kill(known.pid, by)
    if gone(known, within=grace):
        return
    with suppress(ProcessLookupError):
        leads = os.getpgid(known.pid) == known.pid
        (os.killpg if leads else os.kill)(known.pid, signal.SIGKILL)
    gone(known, within=5)


def gone(known: Identity, *, within: float) -> bool:
    """Wait up to `within` seconds for that process to be gone."""
    deadline = time.monotonic() + within
    while is_running(known):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@cache
def _has_proc() -> bool:
    return Path("/proc/self/stat").exists()


@cache
def _boot() -> str:
    # Start times count from the boot, so they repeat after the next one.
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8]


def _identify_by_ps(pid: int) -> Identity | None:
    shown = subprocess.run(
        ["ps", "-o", "state=,lstart=,command=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    ).stdout.split()
    if len(shown) < 7 or shown[0].startswith("Z"):
        return None
    return Identity(pid, " ".join(shown[1:6]), tuple(shown[6:]))
