"""What the processes of a scene use, looked at again and again."""

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tests.chaos.stand.crew import Crew
from tests.chaos.stand.database import Database

EVERY = 5.0  # seconds between two looks
CONNECTIONS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


class Look(NamedTuple):
    """One look: memory by process, in MiB, and database connections."""

    at: float
    memory: dict[str, float]
    connections: int


@dataclass
class Gauges:
    """Looks every few seconds until it is closed."""

    crew: Crew
    database: Database
    looks: list[Look] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Gauges":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def between(self, began: float, ended: float) -> list[Look]:
        """The looks of a time, by `time.monotonic`."""
        return [look for look in self.looks if began <= look.at <= ended]

    def _watch(self) -> None:
        while not self._over.wait(EVERY):
            memory = {one.name: resident(one.pid) for one in self.crew if one.running}
            connections = int(self.database.number(CONNECTIONS))
            self.looks.append(Look(time.monotonic(), memory, connections))


def resident(pid: int) -> float:
    """MiB of a process that are in memory, what it shares with others by its share (proc(5), Pss
    of smaps_rollup); 0 once it is gone."""
    try:
        said = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    lines = dict(line.split(":", 1) for line in said.splitlines()[1:])
    return int(lines["Pss"].split()[0]) / 1024
