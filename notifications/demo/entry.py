"""How the demo's own commands get in: the way demo.env tells everybody."""

import os
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError

from notifications.demo import access
from notifications.demo.caller import Shop


def variables() -> dict[str, str]:
    """What demo.env says; the environment wins, except over a stack that has just written it: what
    a shell remembers may be of another one. Raises CommandError where there is no file."""
    path: Path = settings.NOTIFYSITE_VAR / "demo.env"
    found = access.read(path)
    if not found:
        raise CommandError(f"There is no {path}: run `manage.py demo_content` first.")
    if access.is_in_stack():
        return dict(found)
    return {name: os.environ.get(name) or value for name, value in found.items()}


def shop() -> Shop:
    """The API, called with the shop's live key."""
    said = variables()
    return Shop(said["NOTIFYSITE_URL"], said["NOTIFYSITE_API_KEY"])


def customer() -> str:
    """The user id of who is written to."""
    return variables()["NOTIFYSITE_DEMO_USER_ID"]
