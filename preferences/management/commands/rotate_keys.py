"""Wrap everybody's data key under the newest master key."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from notifysite.plumbing import audit
from preferences import keys

BATCH = 500


class Command(BaseCommand):
    """Safe under load and at any time: small transactions, and a stopped run starts again."""

    help = "Wrap every data key under the first key of FIELD_ENCRYPTION_KEYS."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--batch", type=int, default=BATCH, help="People per transaction.")

    def handle(self, *args: Any, **options: Any) -> None:
        last_id, seen, moved = 0, 0, 0
        while (step := keys.rewrap_after(last_id, limit=options["batch"])) is not None:
            last_id, moved_now = step
            seen, moved = seen + options["batch"], moved + moved_now
            if seen % (20 * options["batch"]) == 0:
                self.stdout.write(f"up to recipient {last_id}: {moved} keys wrapped anew")
        in_use = keys.master_keys_in_use()
        audit.record(
            actor="system",
            action="keys.rotated",
            target="recipients",
            detail={"moved": moved, "in_use": in_use},
        )
        self.stdout.write(f"{moved} keys wrapped anew.")
        for key_id, people in in_use.items():
            self.stdout.write(f"{key_id}: {people} people")
        self.stdout.write("A master key that is not listed may be removed from the settings.")
