"""manage.py pump: keep due work moving, without broker or beat."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from notifications import pump


class Command(BaseCommand):
    """Runs until it is told to stop; any number may run."""

    help = "Nudge lanes with due work, and do it here when nobody else does."

    def handle(self, *args: Any, **options: Any) -> None:
        """Pump until SIGTERM or SIGINT."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        pump.run(stop)
