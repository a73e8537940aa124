"""Read the environment: every variable may also be given as NAME_FILE, and a running embedded
stack lends its own values to whoever starts a command beside it."""

import json
import os
from pathlib import Path

import environ
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
    """A file ends with a newline, as editors and `echo` leave it; no value does."""

    def __getitem__(self, name: str) -> str:
        value: str = super().__getitem__(name)
        return value.rstrip("\r\n")


_from_stack()
env = environ.FileAwareEnv()
env.ENVIRON = _Files()
