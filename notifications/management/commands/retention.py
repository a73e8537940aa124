"""Let go what is older than RETENTION_MONTHS, or say what would go."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import filesizeformat

from notifications import housekeeping, retention
from notifications.retention import Aged

ACTOR = "shell"


class Command(BaseCommand):
    """What house-keeping does once a day; done twice it finds nothing more."""

    help = "Drop months older than RETENTION_MONTHS, and what belonged to them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say what would go, and stop")

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        now = datetime.now(UTC)
        first = retention.limit(now)
        if first is None:
            self.stdout.write("RETENTION_MONTHS is 0: everything is kept.")
            return
        self.stdout.write(
            f"RETENTION_MONTHS is {settings.RETENTION_MONTHS}: kept since {first:%Y-%m}."
        )
        if dry_run:
            self._tell(retention.look(now), went="would go")
            self.stdout.write("Nothing was changed.")
            return
        with housekeeping.alone() as mine:
            if not mine:
                raise CommandError(
                    "Somebody else keeps house now. Run this again in a few seconds."
                )
            self._tell(retention.drop(now, actor=ACTOR), went="is gone")
            for name, rows in retention.sweep(now).items():
                self.stdout.write(f"{name.replace('_', ' ').capitalize()} deleted: {rows:,}")

    def _tell(self, aged: list[Aged], *, went: str) -> None:
        if not aged:
            self.stdout.write("No month is older.")
        for one in aged:
            if one.stays:
                self.stdout.write(f"{one.month} stays: {one.stays}.")
                continue
            self.stdout.write(f"{one.month} {went}:")
            for piece in one.month.pieces:
                rows = "not counted" if piece.rows is None else f"about {piece.rows:,} rows"
                size = filesizeformat(piece.size).replace("\xa0", " ")
                self.stdout.write(f"  {piece.table:<20} {rows:>20} {size:>10}")
