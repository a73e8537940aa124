"""Look at a stack from another terminal, or stop it."""

import signal
import time

from notifysite.stack import record
from notifysite.stack.console import Console, Halt
from notifysite.stack.folder import Folder, holder, is_held
from notifysite.stack.identity import end, is_running
from notifysite.stack.stack import SUPERVISOR
from notifysite.stack.supervisor import GRACE


def status(folder: Folder, console: Console) -> int:
    """Say what runs; 0 when a stack does."""
    known = record.load(folder.record)
    running = is_held(folder)
    console.say(f"{folder.path}: {'held by ' + holder(folder) if running else 'not running'}")
    for name, one in known.pids.items():
        console.say(f"  {name:<16} {one.pid:>8}  {'running' if is_running(one) else 'gone'}")
    return 0 if running else 1


def stop(folder: Folder, console: Console) -> int:
    """Ask the running stack to stop, and wait for it; end what a killed one left."""
    known = record.load(folder.record).pids
    if not is_held(folder):
        left = [name for name, one in known.items() if is_running(one)]
        for name in reversed(left):
            end(
                known[name], by=signal.SIGINT if name == "postgres" else signal.SIGTERM, grace=GRACE
            )
        console.say(f"ended {', '.join(left)}" if left else f"{folder.path}: not running")
        return 0
    if SUPERVISOR not in known or not is_running(known[SUPERVISOR]):
        raise Halt(f"{folder.path} is held by {holder(folder)}, which is not known to be a stack")
    # The stack ends its own children in order, which may take a grace for every stage.
    end(known[SUPERVISOR], by=signal.SIGTERM, grace=6 * GRACE)
    deadline = time.monotonic() + GRACE
    while is_held(folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    console.say("stopped")
    return 0
