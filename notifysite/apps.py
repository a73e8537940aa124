"""The wiring as a Django app: it makes Celery known before any task is."""

from django.apps import AppConfig


class NotifysiteConfig(AppConfig):
    name = "notifysite"

    def ready(self) -> None:
        from notifysite import celery  # noqa: F401, PLC0415 - the app must exist for shared_task
