"""What each provider can do, as Markdown."""

from typing import Any

from django.core.management.base import BaseCommand

from delivery import offering


class Command(BaseCommand):
    """manage.py provider_table"""

    help = "Print which provider carries which channel, and what each can do."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(offering.table())
