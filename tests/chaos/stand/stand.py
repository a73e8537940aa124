"""The servers that all faults of a session share, and the proxies in front of them."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Self

from django.conf import settings

from notifysite.stack.folder import Folder, open_folder
from tests.chaos.stand.brokers import LOOPBACK, RabbitMQ, Redis
from tests.chaos.stand.database import TEMPLATE, Database
from tests.chaos.stand.program import Spawner
from tests.chaos.stand.proxy import Proxy

ROOT = Path(__file__).resolve().parents[3]
SETTINGS = "tests.chaos.settings"
# What would lead a process of ours to somebody else's servers, or change what it does.
FOREIGN = (
    "DATABASE_URL", "REDIS_URL", "CELERY_", "NOTIFYSITE_", "SECRET_", "FIELD_", "PORT", "PG",
    "RABBITMQ_", "ACME_", "ZENITH_", "DJANGO_", "PYTEST_", "CHAOS_",
)  # fmt: skip


class Stand:
    """PostgreSQL and Redis, started; a RabbitMQ node, started when first asked for."""

    def __init__(self) -> None:
        self.folder: Folder = open_folder(Path(tempfile.mkdtemp(prefix="notifysite-chaos-")))
        self.spawner = Spawner()
        self.env = clean_environment(self.folder)
        self.database = Database(self.folder, spawner=self.spawner, env=self.env)
        self.redis = Redis(self.folder, spawner=self.spawner, env=self.env)
        self._rabbitmq: RabbitMQ | None = None
        self.api_key = ""

    def __enter__(self) -> Self:
        self.database.initialise()
        self.database.start()
        self.redis.start()
        self._fill()
        return self

    def __exit__(self, *_: object) -> None:
        for server in (self._rabbitmq, self.redis, self.database):
            if server is not None:
                server.end()
        self.spawner.close()
        for kept in (self.folder.sockets, self.folder.path, self.folder.hidden):
            shutil.rmtree(kept, ignore_errors=True)

    @property
    def rabbitmq(self) -> RabbitMQ:
        """The node; only where there is a binary of it."""
        if self._rabbitmq is None:
            self._rabbitmq = RabbitMQ(self.folder, spawner=self.spawner, env=self.env)
            self._rabbitmq.start()
        return self._rabbitmq

    def broker(self, kind: str) -> Redis | RabbitMQ:
        """The broker of a kind: `redis` or `rabbitmq`."""
        return self.rabbitmq if kind == "rabbitmq" else self.redis

    def proxy_for(self, server: Database | Redis | RabbitMQ, *, seed: str = "") -> Proxy:
        """A proxy in front of a server, passing."""
        upstream = (LOOPBACK, server.port) if isinstance(server, RabbitMQ) else server.socket
        proxy = Proxy(upstream, seed=seed)
        proxy.start()
        return proxy

    def renew(self) -> None:
        """Begin again: whatever was done to the servers, they run, and are empty."""
        for server in filter(None, (self.database, self.redis, self._rabbitmq)):
            with suppress(ProcessLookupError):
                server.thaw()
            if not server.running:
                server.start()
        self.database.empty()
        self.redis.flush()
        if self._rabbitmq is not None:
            self._rabbitmq.purge()

    def _fill(self) -> None:
        self.database.create(TEMPLATE)
        done = subprocess.run(
            [sys.executable, "-m", "tests.chaos.stand.content"],
            cwd=ROOT,
            env={**self.env, "DATABASE_URL": self.database.url(name=TEMPLATE)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"the database could not be filled: {done.stderr[-2000:]}"
        self.api_key = json.loads(done.stdout.splitlines()[-1])["key"]


def clean_environment(folder: Folder) -> dict[str, str]:
    """Our own environment, less what names other servers."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return {
        **kept,
        "DJANGO_SETTINGS_MODULE": SETTINGS,
        "NOTIFYSITE_VAR": str(folder.path),
        "NUDGE_QUEUES": settings.NUDGE_QUEUES,
        "PYTHONPATH": str(ROOT),
    }
