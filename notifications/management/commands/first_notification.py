"""manage.py first_notification: one real message through the API, and what became of it."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from notifications.demo import entry, proof
from notifications.demo.caller import ARRIVED, Refused
from notifications.demo.proof import ERRANDS, PATIENCE_SECONDS


class Command(BaseCommand):
    """Three lines where all is well: accepted, and each message where it arrived."""

    help = "Send one notification over HTTP and wait until it has arrived."
    requires_system_checks: list[str] = []  # whoever started the web has seen them

    def handle(self, *args: Any, **options: Any) -> None:
        """Send order_shipped to the first customer; CommandError says what did not arrive."""
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
        for one in found["deliveries"]:
            after = proof.seconds(found, one)
            self.stdout.write(
                f"{one['status']:<9} {one['channel']} after {after:.2f} s by {one['provider']}"
            )
        there = {one["channel"] for one in found["deliveries"] if one["status"] in ARRIVED}
        if lacking := [channel for channel in errand.channels if channel not in there]:
            said = "; ".join(f"{channel}: {proof.why(found, channel)}" for channel in lacking)
            raise CommandError(f"not arrived: {said}")
