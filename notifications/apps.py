"""What is said, to whom, why, and what became of it; who calls us."""

from django.apps import AppConfig

from notifications import checks


class NotificationsConfig(AppConfig):
    name = "notifications"

    def ready(self) -> None:
        checks.install()
