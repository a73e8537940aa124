"""The only module of tasks, each a thin door."""

import gc
from functools import cache

from celery import shared_task
from django.db import DatabaseError, InterfaceError, connection

from notifications import housekeeping
from notifications import work as working
from notifications.words import Lane


@cache
def _keep_what_is_loaded() -> None:
    # It stays as long as the process: the collector need not look at it each time.
    gc.collect()
    gc.freeze()


@shared_task(name="notifications.tasks.work")
def work(lane: int) -> None:
    """There is work in a lane."""
    _keep_what_is_loaded()
    try:
        working.work(Lane(lane))
    except (DatabaseError, InterfaceError):
        # Celery keeps the connection over many tasks, and would keep a broken one, too.
        connection.close()
        raise


@shared_task(name="notifications.tasks.keep_house")
def keep_house() -> None:
    """Make next months' partitions, drop what is old, fold the figures."""
    housekeeping.keep()
