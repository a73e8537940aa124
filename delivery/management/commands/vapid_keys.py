"""Make the pair of keys that web push needs."""

from typing import Any

from django.core.management.base import BaseCommand

from notifysite.plumbing import vapid


class Command(BaseCommand):
    """Prints lines for an environment file: manage.py vapid_keys >> production.env."""

    help = (
        "Print a new pair of VAPID keys. Make them once: browsers subscribe to one pair, and "
        "have to subscribe again when it is another."
    )
    requires_system_checks = []  # they would ask for these very keys

    def handle(self, *args: Any, **options: Any) -> None:
        private = vapid.generate()
        self.stdout.write(f"VAPID_PUBLIC_KEY={vapid.public(private)}")
        self.stdout.write(f"VAPID_PRIVATE_KEY={private}")
