"""A small real stack for the tests: its own servers, its own children, the real supervisor.

    python little_stack.py FOLDER [NAME=SCRIPT ...]

Scripts run one stage after the other, in the order given.
"""

import os
import sys
from pathlib import Path

from notifysite.stack import supervisor
from notifysite.stack.attention import Interrupted
from notifysite.stack.console import Console, Halt
from notifysite.stack.folder import open_folder
from notifysite.stack.processes import FIRST_STAGE, Process
from notifysite.stack.stack import opened


def main(folder: Path, children: list[str]) -> int:
    console = Console()
    supervisor.GRACE = float(os.environ.get("LITTLE_GRACE", supervisor.GRACE))
    try:
        with opened(open_folder(folder), console, purpose="a little stack") as stack:
            if "LITTLE_BARE" not in os.environ:
                stack.start_servers()
            for stage, child in enumerate(children, FIRST_STAGE):
                name, _, script = child.partition("=")
                stack.start(Process(name=name, command=("/bin/bash", "-c", script), stage=stage))
            if "LITTLE_WAIT" in os.environ:
                stack.supervisor.wait_until(lambda: False, patience=60)
            console.say("UP")
            stack.supervisor.watch()
    except Interrupted:
        return 0
    except Halt as halt:
        console.halt(halt)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
