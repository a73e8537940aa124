"""What must be right before anything is nudged: `manage.py check --deploy` asks the broker.

W004 Redis drops what does not fit into its memory
"""

from typing import Any

from django.core.checks import CheckMessage, Warning, register

from notifications import nudges

TAG = "notifysite"


def install() -> None:
    """Let Django run these checks; only before a deployment, for they ask another server."""
    register(eviction, TAG, deploy=True)


def eviction(**_: Any) -> list[CheckMessage]:
    """Redis refuses what does not fit, rather than to drop something else."""
    policy = nudges.eviction()
    if policy in ("", "noeviction"):
        return []
    return [
        Warning(
            f"Redis may drop any of its keys when its memory is full: maxmemory-policy {policy}.",
            hint="Set maxmemory-policy noeviction in redis.conf, and by CONFIG SET. Nudges are few "
            "and bounded; a missing binding of a queue costs all of them.",
            id="notifysite.W004",
        )
    ]
