"""The embedded PostgreSQL: one data folder, one socket, no network."""

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from notifysite.stack.confinement import Confinement
from notifysite.stack.console import Halt
from notifysite.stack.folder import Folder
from notifysite.stack.identity import end, identify
from notifysite.stack.processes import Process

ROLE = DATABASE = "notifysite"
PORT = 5432  # names the socket; said aloud, because a PGPORT around us would rename it
BUILTIN_LOCALE_SINCE = 17


@dataclass(frozen=True, slots=True, kw_only=True)
class Postgres:
    """A PostgreSQL of our own on one data folder."""

    program: Path
    major: int
    confinement: Confinement
    folder: Folder
    lasting: bool = True  # whether its data has to survive the machine

    @property
    def data(self) -> Path:
        return self.confinement.data

    @property
    def url(self) -> str:
        host = quote(str(self.folder.sockets), safe="")
        return f"postgres://{ROLE}@{host}:{PORT}/{DATABASE}"

    def process(self) -> Process:
        """How the supervisor runs it. INT is PostgreSQL's fast, clean shutdown."""
        return Process(
            name="postgres",
            command=(*self.confinement.prefix, str(self.program), *self._options()),
            stage=1,
            stop_by=signal.SIGINT,
            tied=False,  # its confinement already is
            user=self.confinement.user,
            folder=Path("/"),
            before=self.clear_leftovers,
            ready=self.is_ready,
            patience=300,  # crash recovery replays what was written since the last checkpoint
            advice="If the disk is full, make room; the data itself is left as it was.",
        )

    def initialise(self) -> None:
        """Make the data folder where there is none; half a folder never takes its place."""
        if (self.data / "PG_VERSION").exists():
            return
        for half in self.data.parent.glob("postgres.new-*"):
            shutil.rmtree(half, ignore_errors=True)
        # A name of its own: an initdb whose supervisor was killed may still be tidying up.
        draft = self.data.with_name(f"postgres.new-{os.getpid()}")
        log = self.folder.log("initdb")
        initdb = str(self.program.with_name("initdb"))
        options = ("--username", ROLE, "--auth", "trust", "--encoding", "UTF8", "--data-checksums")
        self._run((initdb, "-D", str(draft), *options, *self._locale()), log=log)
        single = (str(self.program), "--single", "-D", str(draft), "postgres")
        self._run(single, log=log, say=f"CREATE DATABASE {DATABASE};\n")
        draft.rename(self.data)

    def clear_leftovers(self) -> None:
        """End what a killed stack left running on this data, and forget its stale files.

        PostgreSQL itself would refuse to start when a stale pid is someone else's by now.
        """
        note = self.data / "postmaster.pid"
        left = identify(_first_number(note))
        if left is not None and str(self.data) in left.command:
            end(left, by=signal.SIGINT, grace=10)
        note.unlink(missing_ok=True)
        for stale in self.folder.sockets.glob(".s.PGSQL.*"):
            stale.unlink()

    def is_ready(self, pid: int) -> bool:
        """Whether this very server takes connections; it says so in its own pid file."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def _options(self) -> Sequence[str]:
        settings = {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": str(self.folder.sockets),
            "unix_socket_permissions": "0700",
            "max_connections": "200",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_line_prefix": "%m [%p] ",
        }
        if not self.lasting:
            settings |= {"fsync": "off", "full_page_writes": "off"}
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return ("-D", str(self.data), *words)

    def _locale(self) -> Sequence[str]:
        if self.major >= BUILTIN_LOCALE_SINCE:
            return ("--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8")
        return ("--locale", "C.UTF-8")

    def _run(self, command: Sequence[str], *, log: Path, say: str = "") -> None:
        with log.open("a") as file:
            done = subprocess.run(
                (*self.confinement.prefix, *command),
                input=say,
                text=True,
                stdout=file,
                stderr=subprocess.STDOUT,
                check=False,
                cwd="/",
                env={**os.environ, "LC_ALL": "C"},
                user=self.confinement.user,
                group=self.confinement.user,
                extra_groups=None if self.confinement.user is None else [],
            )
        if done.returncode != 0:
            raise Halt(f"{Path(command[0]).name} could not make a database", log=log)


def made_by(data: Path) -> int | None:
    """The major version that made a data folder; None where there is no data yet."""
    try:
        return int((data / "PG_VERSION").read_text())
    except FileNotFoundError:
        return None


def _first_number(note: Path) -> int:
    try:
        return int(note.read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return 0
