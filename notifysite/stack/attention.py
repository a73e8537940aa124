"""Ctrl-C and its like, noticed only where the stack is ready to be interrupted."""

import signal
import time
from types import FrameType

STEP = 0.05  # seconds between two looks


class Interrupted(BaseException):
    """Somebody asked the stack to stop."""


class Attention:
    """Counts requests to stop; the first ends a pause, a second one says hurry."""

    def __init__(self) -> None:
        self._asked = 0
        self._stopping = False
        self._last = signal.SIGINT
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._note)

    def pause(self, seconds: float = STEP) -> None:
        """Sleep, or raise Interrupted. Raised nowhere else, so no child is lost half-started."""
        deadline = time.monotonic() + seconds
        while True:
            if self._asked and not self._stopping:
                raise Interrupted
            left = deadline - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, STEP))

    def now_stopping(self) -> None:
        """From here on only a further request counts, and it means hurry."""
        self._stopping = True
        self._asked = min(self._asked, 1)

    @property
    def hurry(self) -> bool:
        return self._asked > 1

    @property
    def by_terminal(self) -> bool:
        """Whether it was Ctrl-C, which the terminal also sends to what runs in the foreground."""
        return self._asked > 0 and self._last == signal.SIGINT

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._last = signal.Signals(number)
        self._asked += 1
