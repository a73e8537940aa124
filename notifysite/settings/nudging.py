"""What carries nudges ("there is work in this lane"): losing one costs a second, no more."""

from typing import Any

from kombu import Queue

from notifysite.settings.base import REDIS_URL
from notifysite.settings.env import env


def transport_options(broker_url: str) -> dict[str, Any]:
    """What workers tell the client library of their broker; see `nudges` for who sends."""
    if broker_url.startswith(("redis", "unix")):
        return {
            "visibility_timeout": 1800,
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
            "socket_timeout": 5,
            "socket_connect_timeout": 1.5,
            "health_check_interval": 15,
            "retry_on_timeout": True,
        }
    # Without the timeouts a worker that is to end waits for ever on a broker that went silent.
    return {"confirm_publish": True, "read_timeout": 3, "write_timeout": 3}


CELERY_BROKER_URL = env(
    "CELERY_BROKER_URL", default=REDIS_URL.replace("unix://", "redis+socket://", 1)
)
CELERY_BROKER_TRANSPORT_OPTIONS = transport_options(CELERY_BROKER_URL)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None

# Of the nudges that wait in a lane: in this many, and after this long, newer ones say the same.
NUDGES_KEPT = 100
NUDGE_STALE_SECONDS = 10
NUDGE_QUEUES = env("NUDGE_QUEUES", default="nudges")


def queues(prefix: str) -> list[Queue]:
    """One per lane. Redis knows no arguments, RabbitMQ these from 3.10 on; it refuses a queue that
    exists with others, so whoever changes them changes the names too. `-Q` goes by the alias.
    """
    return [
        Queue(
            f"{prefix}.{lane}",
            alias=lane,
            routing_key=f"{prefix}.{lane}",
            queue_arguments={
                "x-queue-type": "quorum",
                "x-delivery-limit": 3,
                "x-max-length": NUDGES_KEPT,
                "x-message-ttl": NUDGE_STALE_SECONDS * 1000,
            },
        )
        for lane in ("critical", "default", "bulk")
    ]


CELERY_TASK_QUEUES = queues(NUDGE_QUEUES)
CELERY_TASK_DEFAULT_EXCHANGE = NUDGE_QUEUES
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_CREATE_MISSING_QUEUES = False
CELERY_WORKER_DETECT_QUORUM_QUEUES = True

CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_ACKS_ON_FAILURE_OR_TIMEOUT = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = 900
CELERY_TASK_SOFT_TIME_LIMIT = 870
CELERY_WORKER_CONSUMER = "notifications.workers:Consumer"
# On Redis it listens by publish and subscribe, and a worker that is cut off at a bad moment waits
# there for ever, deaf to nudges and signals. Who is alive is in the database.
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 30
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
# Without this Celery closes the database connection around every task.
CELERY_DB_REUSE_MAX = 1000

# How often each worker is sent a nudge to see that it hears, and leaves a heartbeat. One that
# hears nothing for too long, though the broker takes nudges, ends; it is given time to do so.
CANARY_SECONDS = 15.0
HEARTBEAT_SECONDS = 10.0
DEAF_SECONDS = 90.0
ENDING_SECONDS = 30.0
