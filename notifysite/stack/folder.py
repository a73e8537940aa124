"""The folder that holds all a stack keeps (`var`), and who holds the folder."""

import fcntl
import hashlib
import json
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from notifysite.stack.console import Halt

NOBODY = 65534
LOG_LIMIT = 10 * 1024 * 1024  # bytes; a longer log is set aside once at the next start


@dataclass(frozen=True, slots=True)
class Folder:
    """Where a stack keeps its data, secrets, logs and sockets."""

    path: Path  # absolute

    @property
    def hash(self) -> str:
        return hashlib.sha256(os.fsencode(self.path)).hexdigest()[:12]

    @property
    def sockets(self) -> Path:
        # Not inside the folder: the name of a unix socket ends at 107 bytes.
        return Path(f"/tmp/notifysite-{os.getuid()}-{self.hash}")  # noqa: S108 - checked and 0700

    @property
    def hidden(self) -> Path:
        """Where PostgreSQL's data lies when it must run as nobody."""
        return Path("/var/lib/notifysite") / self.hash

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def secrets(self) -> Path:
        return self.path / "secrets.json"

    @property
    def record(self) -> Path:
        return self.path / "stack.json"

    def log(self, name: str) -> Path:
        return self.path / "log" / f"{name}.log"


def open_folder(path: Path) -> Folder:
    """Make the folder where it is missing."""
    folder = Folder(path.resolve())
    try:
        folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.log("any").parent.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise Halt(
            f"cannot make {folder.path}: {error.strerror}",
            advice="Choose another folder with NOTIFYSITE_VAR=/path/to/folder.",
        ) from error
    return folder


def make_sockets(folder: Folder, *, owner: int) -> None:
    """Make the socket folder, and trust one that is there only if nobody else can reach into it."""
    folder.sockets.mkdir(mode=0o700, exist_ok=True)
    found = folder.sockets.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {os.getuid(), NOBODY}:
        raise Halt(
            f"{folder.sockets} belongs to someone else",
            advice="Remove it, or choose another folder with NOTIFYSITE_VAR=/path/to/folder.",
        )
    if found.st_uid != owner:
        os.chown(folder.sockets, owner, owner)
    folder.sockets.chmod(0o700)


def rotate(log: Path) -> None:
    """Set a long log aside, so that logs do not grow for ever."""
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))


@contextmanager
def held(folder: Folder, *, purpose: str) -> Iterator[None]:
    """Hold the folder alone; a kill lets go of it by itself."""
    descriptor = os.open(folder.lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Halt(
                f"{folder.path} is in use by {holder(folder)}",
                advice="Stop it with Ctrl-C there or `make stop`, or set another NOTIFYSITE_VAR.",
            ) from error
        note = {"pid": os.getpid(), "purpose": purpose, "since": time.strftime("%H:%M:%S")}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(note).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def holder(folder: Folder) -> str:
    """Who holds the folder, in words."""
    try:
        note = json.loads(folder.lock.read_text())
        return f"{note['purpose']} (process {note['pid']}, since {note['since']})"
    except (OSError, ValueError, KeyError):
        return "another process"


def is_held(folder: Folder) -> bool:
    """Whether a stack runs on this folder now."""
    try:
        descriptor = os.open(folder.lock, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
