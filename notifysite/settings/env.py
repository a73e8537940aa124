"""Read the environment: every variable may also be given as NAME_FILE, and a running embedded
stack lends its own values to whoever starts a command beside it."""

import json
import logging
import os
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured
from environ.fileaware_mapping import FileAwareMapping

BASE_DIR = Path(__file__).resolve().parents[2]
VAR = Path(os.environ.get("NOTIFYSITE_VAR", BASE_DIR / "var")).resolve()


def _from_stack() -> None:
    """`make run` records how it is reached, so that `manage.py shell` finds it too."""
    if "DATABASE_URL" in os.environ or "DATABASE_URL_FILE" in os.environ:
        return
    try:
        recorded = json.loads((VAR / "stack.json").read_text())["env"]
    except (OSError, ValueError, KeyError):
        return
    for name, value in recorded.items():
        os.environ.setdefault(name, value)


class _Files(FileAwareMapping):  # type: ignore[misc]  # the library has no types
    """A file ends with a newline, as editors and `echo` leave it; no value does. And no value is
    the name of another variable, though it begins with a dollar sign, as secrets may."""

    def __getitem__(self, name: str) -> str:
        value: str = super().__getitem__(name)
        return value.rstrip("\r\n").replace("$", r"\$")


_WANTED = "{} is no URL such as {}; in a password write / as %2F, # as %23, @ as %40."


class _Env(environ.FileAwareEnv):  # type: ignore[misc]
    """Names the variable that cannot be read, and never its value: that may hold a password."""

    def get_value(self, var: str, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().get_value(var, *args, **kwargs)
        except ValueError:
            raise ImproperlyConfigured(f"{var} cannot be read: docs/operators.md.") from None

    def db_url(self, var: str, **kwargs: Any) -> dict[str, Any]:
        try:
            found: dict[str, Any] = super().db_url(var, **kwargs)
        except ValueError:
            found = {}
        if found.get("ENGINE") != "django.db.backends.postgresql":
            raise ImproperlyConfigured(_WANTED.format(var, "postgres://user:password@host/name"))
        return found

    def email_url(self, var: str, **kwargs: Any) -> dict[str, Any]:
        try:
            found: dict[str, Any] = super().email_url(var, **kwargs)
        except (ValueError, ImproperlyConfigured):
            example = "smtp+tls://user:password@host:587"
            raise ImproperlyConfigured(_WANTED.format(var, example)) from None
        return found

    db = db_url


def redis_url(url: str) -> str:
    """An address that redis-py takes. Raises ValueError."""
    if not url.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("no address of a Redis")
    return url


def log_level(name: str) -> str:
    """A level of logging, whatever its case. Raises ValueError."""
    level = name.upper()
    if level not in logging.getLevelNamesMapping():
        raise ValueError("no level of logging")
    return level


_from_stack()
env = _Env()
env.ENVIRON = _Files()
env.escape_proxy = True
