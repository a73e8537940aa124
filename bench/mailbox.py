"""The mail server of a measurement: `bench.sink` as a process, and what it noted."""

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from notifysite.stack.processes import ROOT

POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter as it came in: when, on the monotonic clock, and for whom."""

    at: float
    recipient: str


class Mailbox:
    """Started and ended with a `with`; `delay`: seconds until it answers a letter. One that is to
    `speak` http is a provider of another channel."""

    def __init__(
        self, folder: Path, *, env: Mapping[str, str], delay: float = 0.0, speak: str = "smtp"
    ) -> None:
        self._journal, self._speaks = folder / "journal", speak
        command = [sys.executable, "-m", "bench.sink", "--delay", str(delay), "--speak", speak]
        self._sink = subprocess.Popen(
            [*command, "--journal", str(self._journal)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=dict(env),
        )
        self.port = int(self._told())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._sink.kill()
        self._sink.communicate()

    @property
    def url(self) -> str:
        """Where it listens, as EMAIL_URL wants it."""
        return f"{self._speaks}://127.0.0.1:{self.port}"

    def count(self) -> int:
        """How many letters it has taken."""
        return self._asked("count")

    def letters(self) -> list[Letter]:
        """All letters it has taken, in the order they came."""
        self._asked("journal")
        lines = (line.partition(" ") for line in self._journal.read_text().splitlines())
        return [Letter(float(at), recipient) for at, _, recipient in lines]

    def wait_for(self, number: int, *, within: float) -> None:
        """Wait until it has taken so many; raises TimeoutError."""
        until = time.monotonic() + within
        while (count := self.count()) < number:
            if time.monotonic() > until:
                raise TimeoutError(f"{count} of {number} letters after {within:.0f} s")
            time.sleep(POLL_SECONDS)

    def _asked(self, word: str) -> int:
        assert self._sink.stdin is not None
        self._sink.stdin.write(f"{word}\n")
        self._sink.stdin.flush()
        return int(self._told())

    def _told(self) -> str:
        assert self._sink.stdout is not None
        return self._sink.stdout.readline()


def span(letters: list[Letter]) -> float:
    """Seconds from the first letter to the last."""
    return letters[-1].at - letters[0].at


def most_copies(letters: list[Letter]) -> int:
    """How often the person who was written to most was written to."""
    return max(Counter(letter.recipient for letter in letters).values(), default=0)
