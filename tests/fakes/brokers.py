"""The brokers that tests use, by their addresses, and behind a proxy."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.chaos.stand.proxy import Proxy

RABBITMQ = os.environ.get("NOTIFYSITE_TEST_RABBITMQ_URL", "")


def redis_url(settings: Any) -> str:
    """The tests' own Redis, as Celery names it."""
    return str(settings.REDIS_URL).replace("unix://", "redis+socket://", 1)


def proxy_for(url: str) -> Proxy:
    """A proxy in front of a broker, not yet started."""
    parts = urlsplit(url)
    if parts.hostname is None:
        return Proxy(Path(parts.path))
    return Proxy((parts.hostname, parts.port or 6379))


def through(proxy: Proxy, url: str) -> str:
    """The address of a broker behind its proxy."""
    parts, near = urlsplit(url), f"127.0.0.1:{proxy.port}"
    if parts.scheme.startswith("amqp"):
        return f"amqp://{parts.username}:{parts.password}@{near}{parts.path}"
    on_socket = parse_qs(parts.query).get("virtual_host", ["0"])[0]
    return f"redis://{near}/{on_socket if parts.hostname is None else parts.path.strip('/')}"
