"""The design that comes to mind first: a Celery task for each notification."""

from celery import Celery

app = Celery("naive")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["bench.peers.naive"])
