"""manage.py demo_proof: send on every channel, show each story, fail unless all arrived."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from notifications.demo import entry, proof
from notifications.demo.caller import Refused
from notifications.demo.proof import Proof


class Command(BaseCommand):
    """Exits 0 only when a message arrived on each channel."""

    help = "Send on every channel over HTTP, wait, and print each timeline."
    requires_system_checks: list[str] = []  # whoever started the web has seen them

    def handle(self, *args: Any, **options: Any) -> None:
        """Send, wait, show; CommandError names what did not arrive and why."""
        with entry.shop() as shop:
            try:
                proofs = []
                for one in proof.prove(shop, to=entry.customer()):
                    self._show(one)
                    proofs.append(one)
            except Refused as refused:
                raise CommandError(str(refused)) from refused
        lacking = [
            f"{one.errand.type} by {channel}: {why}"
            for one in proofs
            for channel, why in one.missing.items()
        ]
        if lacking:
            raise CommandError(f"Not arrived: {'; '.join(lacking)}")
        there = dict.fromkeys(channel for one in proofs for channel in one.errand.channels)
        self.stdout.write(f"\nAll arrived: {', '.join(there)}.")

    def _show(self, one: Proof) -> None:
        title = f"{one.errand.type} to {one.notification['user_id']}: {one.notification['status']}"
        self.stdout.write("\n" + self.style.MIGRATE_HEADING(title))
        for line in proof.lines(one.timeline):
            self.stdout.write(f"  {line}")
