"""manage.py demo_content: a small shop with words, people and keys, to see everything work."""

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from notifications.demo import access, content, people


class Command(BaseCommand):
    """Makes what is missing and changes nothing that is there, so it may run at every start."""

    help = "Fill in demo content, and write how to get in to demo.env."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--file", type=Path, default=settings.NOTIFYSITE_VAR / "demo.env", help="where to write"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the content, the people, the keys, and the file."""
        path: Path = options["file"]
        known = access.read(path)
        name = os.environ.get("NOTIFYSITE_ADMIN_USER") or "admin"
        password = os.environ.get("NOTIFYSITE_ADMIN_PASSWORD") or known.get(
            "NOTIFYSITE_ADMIN_PASSWORD", ""
        )
        if not password:
            raise CommandError("Set NOTIFYSITE_ADMIN_PASSWORD: the demo's administrator needs one.")
        for command in ("setup_schedules", "staff_groups"):
            call_command(command, stdout=self.stdout)
        made = content.make() + people.make()
        made += people.make_admin(name, password) + people.link(name)
        written = access.write(
            path,
            {
                "NOTIFYSITE_URL": own_url(),
                **access.ensure_keys(known),
                "NOTIFYSITE_ADMIN_USER": name,
                "NOTIFYSITE_ADMIN_PASSWORD": password,
                "NOTIFYSITE_DEMO_USER_ID": people.FIRST,
            },
        )
        self.stdout.write(f"{made} made; {path} {'written' if written else 'is as it was'}")


def own_url() -> str:
    """Where this machine reaches the web: the embedded stack listens here, whatever its name."""
    if access.is_in_stack():
        return f"http://127.0.0.1:{os.environ['PORT']}"
    return str(settings.PUBLIC_URL).rstrip("/")
