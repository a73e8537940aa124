"""CPU seconds of processes from /proc: of a whole tree, with the children it has outlived."""

import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Spent:
    """What one process has spent, in seconds; `reaped`: its children that ended."""

    parent: int
    own: float
    reaped: float


def of_tree(*roots: int) -> float:
    """CPU seconds of these processes, their descendants, and the children all of them reaped."""
    table = dict(_everyone())
    children = defaultdict(list)
    for pid, spent in table.items():
        children[spent.parent].append(pid)
    total, waiting = 0.0, list(roots)
    while waiting:
        pid = waiting.pop()
        if spent := table.get(pid):
            total += spent.own + spent.reaped
        waiting += children[pid]
    return total


def parent_of(pid: int) -> int:
    """The process that started this one. Raises OSError where it has ended."""
    return read_stat((PROC / str(pid) / "stat").read_text()).parent


def resident(pid: int) -> float:
    """MiB of memory a process holds. Raises OSError where it has ended."""
    for line in (PROC / str(pid) / "status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def read_stat(stat: str) -> Spent:
    """The line of /proc/PID/stat; its name may hold blanks and brackets."""
    words = stat.rpartition(")")[2].split()
    user, system, reaped_user, reaped_system = (int(word) for word in words[11:15])
    return Spent(int(words[1]), (user + system) / TICKS, (reaped_user + reaped_system) / TICKS)


def _everyone() -> Iterator[tuple[int, Spent]]:
    for folder in PROC.iterdir():
        if folder.name.isdecimal():
            with suppress(OSError):  # it has ended meanwhile
                yield int(folder.name), read_stat((folder / "stat").read_text())
