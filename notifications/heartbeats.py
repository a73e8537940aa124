"""Signs of life that processes leave in the database, on its clock."""

import os
import socket

from django.db.models.functions import Now

from delivery.models import Heartbeat


def beat(kind: str, *, consumed: bool = False) -> None:
    """Leave a heartbeat of this process; `consumed`: it has just taken a nudge."""
    Heartbeat.objects.update_or_create(
        name=f"{kind}@{socket.gethostname()}:{os.getpid()}",
        defaults={"kind": kind, "at": Now()} | ({"consumed_at": Now()} if consumed else {}),
    )
