"""Make the groups of staff: Editors, Operators and Support."""

from typing import Any

from django.core.management.base import BaseCommand

from notifications.admin import access


class Command(BaseCommand):
    """Idempotent: it sets each group to what its role may do, as of this version."""

    help = "Make or refresh the groups of staff: Editors, Operators and Support."

    def handle(self, *args: Any, **options: Any) -> None:
        """Set them all."""
        for name in access.set_groups():
            self.stdout.write(f"{name}: {len(access.ROLES[name])} permissions")
