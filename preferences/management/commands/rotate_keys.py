"""Wrap every data key under the newest master key."""

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
        parser.add_argument("--batch", type=int, default=BATCH, help="Keys per transaction.")

    def handle(self, *args: Any, **options: Any) -> None:
        moved = sum(self._rotate(table, options["batch"]) for table in keys.tables())
        in_use = keys.master_keys_in_use()
        audit.record(
            actor="system",
            action="keys.rotated",
            target="data_keys",
            detail={"moved": moved, "in_use": in_use},
        )
        self.stdout.write(f"{moved} keys wrapped anew.")
        for key_id, wrapped in in_use.items():
            self.stdout.write(f"{key_id}: {wrapped} data keys")
        self.stdout.write("A master key that is not listed may be removed from the settings.")

    def _rotate(self, table: str, batch: int) -> int:
        last_id, seen, moved = 0, 0, 0
        while (step := keys.rewrap_after(last_id, limit=batch, table=table)) is not None:
            last_id, moved_now = step
            seen, moved = seen + batch, moved + moved_now
            if seen % (20 * batch) == 0:
                self.stdout.write(f"up to {table} {last_id}: {moved} keys wrapped anew")
        return moved
