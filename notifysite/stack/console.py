"""What a person at the terminal sees: short lines with seconds, and the reason for an end."""

import os
import sys
import time
from contextlib import suppress
from pathlib import Path

TAIL_LINES = 15


class Halt(Exception):
    """The stack cannot go on; the message says why in one line, the advice what to do."""

    def __init__(self, message: str, *, advice: str = "", log: Path | None = None) -> None:
        super().__init__(message)
        self.advice = advice
        self.log = log


class Console:
    """Prints progress; colours only where a person looks."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._colours = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def step(self, text: str) -> None:
        """Say what is happening now, and how many seconds in."""
        seconds = f"{time.monotonic() - self._began:6.1f}s"
        self.say(f"{self._paint('2', seconds)}  {text}")

    def warn(self, text: str) -> None:
        """Say what went wrong without ending the stack."""
        self.step(self._paint("33", text))

    def say(self, text: str) -> None:
        """Print a line as it is."""
        with suppress(OSError):  # a closed terminal must not keep the stack from stopping cleanly
            print(text, flush=True)

    def halt(self, reason: Halt) -> None:
        """Show the end: the last lines of the log first, so that the reason stands last."""
        if reason.log is not None:
            for line in tail(reason.log):
                self.say(f"    {self._paint('2', line)}")
            self.say(f"    (from {reason.log})")
        self.say(self._paint("31", f"notifysite: {reason}"))
        if reason.advice:
            self.say(f"  {reason.advice}")

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colours else text


def tail(log: Path) -> list[str]:
    """The last lines of a log, or nothing where there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 16_384))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    return text.splitlines()[-TAIL_LINES:]
