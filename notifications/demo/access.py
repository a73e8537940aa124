"""The shop as a caller: its service and keys, and the file that tells people how to get in."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from django.conf import settings

from notifications.demo.content import ACTOR
from notifications.models import Service
from notifications.services import keys
from notifications.words import Mode

SERVICE = "shop"
KEY_NAME = "demo"
KEYS = {"NOTIFYSITE_API_KEY": Mode.LIVE, "NOTIFYSITE_TEST_KEY": Mode.TEST}


def ensure_keys(known: Mapping[str, str]) -> dict[str, str]:
    """A key for each mode: those of the file that still work, new ones in place of the others."""
    service, _ = Service.objects.get_or_create(key=SERVICE, defaults={"name": "Juniper shop"})
    return {
        name: known[name] if works(known.get(name, ""), service, mode) else _issue(service, mode)
        for name, mode in KEYS.items()
    }


def works(secret: str, service: Service, mode: Mode) -> bool:
    """Whether it is a live key of the service that may do everything the API offers."""
    token = keys.parse(secret)
    if token is None or token.mode is not mode:
        return False
    found = keys.live(service, mode).filter(prefix=token.prefix, hash=token.digest).first()
    return found is not None and set(found.scopes) >= set(keys.SCOPES)


def _issue(service: Service, mode: Mode) -> str:
    """A new key; nobody has the earlier ones of this file any more, so they end."""
    for lost in keys.live(service, mode).filter(name=KEY_NAME):
        keys.revoke(lost, actor=ACTOR)
    return keys.issue(service, mode=mode, name=KEY_NAME, scopes=keys.SCOPES, actor=ACTOR).secret


def is_in_stack() -> bool:
    """Whether the embedded stack started us, or runs beside us."""
    return settings.EMBEDDED and "PORT" in os.environ


def read(path: Path) -> dict[str, str]:
    """The variables of a file that a shell can source; none where there is no file."""
    try:
        lines = path.read_text().splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {name: "".join(shlex.split(value)) for name, _, value in pairs}


def write(path: Path, variables: Mapping[str, str]) -> bool:
    """Write the file for its owner only, unless it says all that already."""
    text = "".join(f"{name}={shlex.quote(value)}\n" for name, value in variables.items())
    if path.exists() and path.read_text() == text and path.stat().st_mode & 0o077 == 0:
        return False
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)
    return True
