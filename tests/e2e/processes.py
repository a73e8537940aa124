"""Real processes of the product, against the test's own database."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db import connection

SETTINGS = "tests.e2e.settings"


def database_url() -> str:
    """The test database, as another process reaches it."""
    kept = connection.settings_dict
    host = quote(kept["HOST"] or "127.0.0.1", safe="")
    user = quote(kept["USER"] or "postgres", safe="")
    secret = f":{quote(kept['PASSWORD'], safe='')}" if kept["PASSWORD"] else ""
    port = f":{kept['PORT']}" if kept["PORT"] else ""
    return f"postgres://{user}{secret}@{host}{port}/{kept['NAME']}"


@contextmanager
def process(*command: str, **environment: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A process of the product, ended with its whole group."""
    started = subprocess.Popen(
        [sys.executable, *command],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": SETTINGS,
            "DATABASE_URL": database_url(),
            "NUDGE_QUEUES": settings.NUDGE_QUEUES,
            **environment,
        },
        start_new_session=True,
    )
    try:
        yield started
    finally:
        kill(started)


def kill(started: "subprocess.Popen[bytes]") -> None:
    """End it at once, as a crash would."""
    if started.poll() is None:
        os.killpg(started.pid, signal.SIGKILL)
    started.wait()


def pump(**environment: str) -> Any:
    """manage.py pump."""
    return process("manage.py", "pump", **environment)


def worker(*lanes: str, **environment: str) -> Any:
    """One Celery worker for some lanes."""
    return process(
        "-m", "celery", "-A", "notifysite", "worker", "--pool=solo", "-Q", ",".join(lanes),
        "-l", "warning", **environment,
    )  # fmt: skip


def beat(**environment: str) -> Any:
    """Celery's beat on the database's schedule."""
    return process(
        "-m", "celery", "-A", "notifysite", "beat", "--pidfile=", "-l", "warning", **environment
    )


def eventually(holds: Callable[[], Any], *, within: float = 60.0) -> Any:
    """Wait until something holds; what it gave. The bound only keeps a broken run from hanging."""
    until = time.monotonic() + within
    while not (found := holds()):
        assert time.monotonic() < until, "it never came to hold"
        time.sleep(0.05)
    return found
