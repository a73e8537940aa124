"""The only module of tasks, each a thin door."""

from celery import shared_task

from notifications import housekeeping
from notifications import work as working
from notifications.words import Lane


@shared_task(name="notifications.tasks.work")
def work(lane: int) -> None:
    """There is work in a lane."""
    working.work(Lane(lane))


@shared_task(name="notifications.tasks.keep_house")
def keep_house() -> None:
    """Make next months' partitions, drop what is old, fold the figures."""
    housekeeping.keep()
