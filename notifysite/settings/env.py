"""Read the environment: every variable may also be given as NAME_FILE, and a running embedded
stack lends its own values to whoever starts a command beside it."""

import json
import os
from pathlib import Path

import environ

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


_from_stack()
env = environ.FileAwareEnv()
