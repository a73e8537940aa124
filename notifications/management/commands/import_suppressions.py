"""Suppress the addresses of a CSV file."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from notifications import suppression_files
from notifysite.plumbing.imports import Outcome
from notifysite.plumbing.sheets import File, NotASheet

ACTOR = "shell"
SHOWN = 20


class Command(BaseCommand):
    """Streamed, in batches of their own; done again it finds all known."""

    help = (
        "Suppress the addresses of a CSV file with the columns channel,address or email or phone, "
        "and reason, expires_at, note if they are known."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="the CSV file, in UTF-8; - reads standard input")
        parser.add_argument(
            "--refused",
            type=Path,
            metavar="FILE",
            help="where to write the lines that were refused, with what is wrong",
        )

    def handle(self, *args: Any, file: str, refused: Path | None, **options: Any) -> None:
        try:
            if file == "-":
                self._tell(self._take(sys.stdin.buffer), refused)
                return
            with Path(file).open("rb") as opened:
                self._tell(self._take(opened), refused)
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}.") from error
        except NotASheet as error:
            raise CommandError(str(error)) from error

    def _take(self, file: File) -> Outcome:
        return suppression_files.take(file, actor=ACTOR, now=timezone.now())

    def _tell(self, outcome: Outcome, refused: Path | None) -> None:
        self.stdout.write(f"Set: {outcome.set:,}")
        self.stdout.write(f"Known already: {outcome.known:,}")
        self.stdout.write(f"Refused: {outcome.refusals:,}")
        if outcome.unread:
            self.stdout.write(f"Columns left aside: {', '.join(outcome.unread)}")
        if not outcome.refusals:
            return
        if refused is None:
            for line in outcome.refused[:SHOWN]:
                self.stderr.write(f"line {line.number}: {line.problem}")
            self.stderr.write("--refused FILE writes them as CSV, to be put right and read again.")
            return
        with refused.open("w", encoding="utf-8", newline="") as written:
            written.writelines(outcome.refused_csv())
        self.stdout.write(f"The first {len(outcome.refused):,} refused lines are in {refused}.")
