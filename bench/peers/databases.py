"""A database's address as Django's settings want it."""

from typing import Any
from urllib.parse import unquote, urlsplit


def of_url(url: str) -> dict[str, Any]:
    """PostgreSQL, with connections that are kept."""
    parts = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.removeprefix("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.netloc.rpartition("@")[2].rpartition(":")[0]),
        "PORT": parts.port or "",
        "CONN_MAX_AGE": 600,
    }
