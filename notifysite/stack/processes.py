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
    quiet = ("--pool=solo", "--without-gossip", "--without-mingle")
    scheduler = "django_celery_beat.schedulers:DatabaseScheduler"
    # No access log: its lines would hold the tokens of people's links.
    web = ("--host", "127.0.0.1", "--port", str(port), "--no-access-log")
    drain = ("--timeout-graceful-shutdown", "5")  # open streams never end by themselves
    return (
        Process(
            name="web",
            command=(python, "-m", "uvicorn", "notifysite.asgi:application", *web, *drain),
            stage=FIRST_STAGE,
        ),
        *(
            Process(
                name=f"worker-{lane}",
                command=(*celery, "worker", *quiet, "-Q", lane, "-n", f"{lane}@%h"),
                stage=FIRST_STAGE + 1,
            )
            for lane in LANES
        ),
        Process(name="pump", command=(python, "manage.py", "pump"), stage=FIRST_STAGE + 2),
        Process(
            name="beat",
            # No pid file: a killed beat would leave one that hinders the next.
            command=(*celery, "beat", "--scheduler", scheduler, "--pidfile="),
            stage=FIRST_STAGE + 3,
        ),
    )
