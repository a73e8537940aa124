"""manage.py first_notification: one real message through the API, and what became of it."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from notifications.demo import entry, proof
from notifications.demo.caller import Refused
from notifications.demo.proof import ERRANDS

PATIENCE_SECONDS = 15.0


class Command(BaseCommand):
    """A line for what was accepted, and one for each message.

    Fails where the API refuses or nobody works. A wish of the customer or a mail server that is
    away is no failure of ours: it is told, and the system may start.
    """

    help = "Send one notification over HTTP and wait until it has arrived."
    requires_system_checks: list[str] = []  # whoever started the web has seen them

    def handle(self, *args: Any, **options: Any) -> None:
        """Send order_shipped to the first customer, wait, and tell."""
        errand = ERRANDS[0]
        with entry.shop() as shop:
            try:
                data, began = shop.sample(errand.type), time.monotonic()
                id_ = shop.send(errand.type, to=entry.customer(), data=data)
                took = (time.monotonic() - began) * 1000
                found = shop.finished(id_, patience=PATIENCE_SECONDS)
            except Refused as refused:
                raise CommandError(str(refused)) from refused
        self.stdout.write(f"accepted  {errand.type} for {entry.customer()} in {took:.0f} ms, {id_}")
        if found["status"] == "accepted":
            raise CommandError("No worker has taken it.")
        for line in proof.fates(found):
            self.stdout.write(line)
