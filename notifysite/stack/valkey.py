"""The embedded Valkey (or Redis): nudges, caches and live hints, on one socket, no network."""

import socket
from dataclasses import dataclass
from pathlib import Path

from notifysite.stack.folder import Folder
from notifysite.stack.processes import Process


@dataclass(frozen=True, slots=True, kw_only=True)
class Valkey:
    """A Valkey of our own on one data folder."""

    program: Path
    folder: Folder

    @property
    def socket(self) -> Path:
        return self.folder.sockets / "valkey.sock"

    @property
    def data(self) -> Path:
        return self.folder.path / "valkey"

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def process(self) -> Process:
        """How the supervisor runs it."""
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.data),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
            "save": "",
            "daemonize": "no",
        }
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        return Process(
            name="valkey",
            command=(str(self.program), *words),
            stage=2,
            dies_by="TERM",
            ready=self.is_ready,
            patience=120,  # it reads its whole log first
            advice=f"It holds only nudges and caches: moving {self.data} away loses nothing.",
        )

    def initialise(self) -> None:
        """Make the data folder."""
        self.data.mkdir(mode=0o700, exist_ok=True)

    def is_ready(self, _pid: int) -> bool:
        """Whether it answers, which it does not while it loads."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(2)
            try:
                connection.connect(str(self.socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
            except OSError:
                return False


def broker_url(redis_url: str) -> str:
    """The same server as Celery writes it; on a socket in a database of its own."""
    if not redis_url.startswith("unix://"):
        return redis_url
    return f"redis+socket://{redis_url.removeprefix('unix://')}?virtual_host=1"
