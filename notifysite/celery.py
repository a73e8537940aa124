"""The Celery application: it carries nudges, never content."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "notifysite.settings")

app = Celery("notifysite")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
