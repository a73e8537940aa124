"""Failpoints: named places of the path where a process may be told to die, stall or fail.

`NOTIFYSITE_FAILPOINTS="dispatch.marked=exit@3,settle.committed=stop"` arms them when the process
starts: the first lets it die at the third pass. Unarmed ones cost a look into an empty dict. They
exist so that tests can prove what a crash at each place leaves behind.
"""

import ctypes
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

VARIABLE = "NOTIFYSITE_FAILPOINTS"


class Injected(Exception):
    """The failure that `raise` asks for."""


@dataclass(slots=True)
class _Armed:
    action: Callable[[], None]
    on_pass: int  # the pass at which it goes off; 0 is every one
    passes: int = 0


def _raise() -> None:
    raise Injected("a failpoint was told to raise")


def _segfault() -> None:
    ctypes.string_at(0)


_ACTIONS: Mapping[str, Callable[[], None]] = {
    "exit": lambda: os._exit(9),
    "segfault": _segfault,
    "stop": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "raise": _raise,
    "sleep": lambda: time.sleep(5),
}


def reached(name: str) -> None:
    """The process has come to a place; goes on, unless this failpoint is armed."""
    if (armed := _armed.get(name)) is None:
        return
    with _lock:
        armed.passes += 1
        now = armed.on_pass in (0, armed.passes)
    if now:
        armed.action()


def parse(text: str) -> dict[str, _Armed]:
    """What a variable arms: `name=action[@pass]`, comma between them. Raises ValueError."""
    armed = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        name, _, rest = entry.partition("=")
        action, _, on_pass = rest.partition("@")
        if action not in _ACTIONS:
            raise ValueError(f"{VARIABLE}: {entry!r}: the actions are {', '.join(_ACTIONS)}")
        armed[name] = _Armed(_ACTIONS[action], int(on_pass or 0))
    return armed


_lock = threading.Lock()
_armed = parse(os.environ.get(VARIABLE, ""))
