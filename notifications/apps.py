"""What is said, to whom, why, and what became of it; who calls us."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "notifications"
