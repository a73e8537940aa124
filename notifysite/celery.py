"""The Celery application: it carries nudges, never content."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "notifysite.settings")

app = Celery("notifysite")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["worker"].add("notifications.workers:Watched")


@setup_logging.connect
def _leave_logs_alone(**_: Any) -> None:
    """Django has set them up; that somebody answers keeps Celery from doing it its own way."""
