"""What a stack notes about itself in `var/stack.json`, for the next start and other terminals."""

import json
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from notifysite.stack.identity import Identity


@dataclass(slots=True)
class Record:
    """The environment of the running stack, its processes, and the servers it was made with."""

    env: dict[str, str] = field(default_factory=dict)
    pids: dict[str, Identity] = field(default_factory=dict)  # in the order they were started
    binaries: dict[str, str] = field(default_factory=dict)  # "postgres", "valkey" -> path
    started_at: str = field(
        default_factory=lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    )


def load(path: Path) -> Record:
    """The record as last saved; an empty one where there is none to be read."""
    try:
        saved: dict[str, Any] = json.loads(path.read_text())
        pids = {
            name: Identity(one["pid"], one["started"], tuple(one["command"]))
            for name, one in saved["pids"].items()
        }
        return Record(saved["env"], pids, saved["binaries"], saved["started_at"])
    except (OSError, ValueError, KeyError, TypeError):
        return Record()


def save(path: Path, record: Record) -> None:
    """Replace the record at once, readable by its owner only: it holds secrets."""
    write_private(path, json.dumps(asdict(record), indent=1))


def write_private(path: Path, text: str) -> None:
    """Write a whole file or nothing, with mode 0600 from its first byte."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
