"""What the stack runs: one line per process."""

import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LANES = ("critical", "default", "bulk")
FIRST_STAGE = 3  # PostgreSQL is 1, Valkey 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One supervised process. Stages start upwards and stop downwards."""

    name: str
    command: tuple[str, ...]
    stage: int
    stop_by: signal.Signals = signal.SIGTERM
    dies_by: str = "KILL"  # what the kernel sends when the supervisor is gone
    tied: bool = True
    user: int | None = None
    env: Mapping[str, str] = field(default_factory=dict)  # beside what all processes are given
    folder: Path = ROOT  # where it is run
    before: Callable[[], None] | None = None  # run before each start
    ready: Callable[[int], bool] | None = None  # given the pid
    patience: float = 60  # seconds to become ready
    advice: str = ""


def processes(port: int) -> tuple[Process, ...]:
    """The processes of notifysite itself, in the order they start."""
    python = sys.executable
    celery = (python, "-m", "celery", "-A", "notifysite")
    worker = (*celery, "worker", "--pool=solo")
    workers = [
        _process(f"worker-{lane}", 1, *worker, "-Q", lane, "-n", f"{lane}@%h") for lane in LANES
    ]
    # Open streams never end by themselves; an access log would hold the tokens of people's links;
    # a socket takes small words only.
    web = ("--timeout-graceful-shutdown", "5", "--no-access-log", "--ws-max-size", "8192")
    listen = ("--host", "127.0.0.1", "--port", str(port))
    application = "notifysite.asgi:application"
    scheduler = "django_celery_beat.schedulers:DatabaseScheduler"
    return (
        _process("web", 0, python, "-m", "uvicorn", application, *listen, *web),
        *workers,
        _process("pump", 2, python, "manage.py", "pump"),
        # No pid file: a killed beat would leave one that hinders the next.
        _process("beat", 3, *celery, "beat", "--scheduler", scheduler, "--pidfile="),
    )


def _process(name: str, stage: int, *command: str) -> Process:
    return Process(name=name, command=command, stage=FIRST_STAGE + stage)
