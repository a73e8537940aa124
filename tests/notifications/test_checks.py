"""What is asked of the broker before a deployment."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core import checks as django_checks

from notifications import nudges
from notifications.checks import eviction
from notifysite.stack import binaries
from tests.e2e.processes import eventually


@pytest.fixture
def redis_with(tmp_path: Path, settings: Any) -> Iterator[Callable[[str], None]]:
    """Runs a Redis of our own, with a policy, as the broker."""
    program = binaries.find_valkey(recorded=None).path
    started: list[subprocess.Popen[bytes]] = []

    def run(policy: str) -> None:
        socket = tmp_path / "redis.sock"
        command = [program, "--port", "0", "--unixsocket", socket, "--maxmemory-policy", policy]
        started.append(subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL))
        eventually(socket.exists)
        settings.CELERY_BROKER_URL = f"redis+socket://{socket}"
        nudges.forget()

    yield run
    for process in started:
        process.terminate()
        process.wait()
    nudges.forget()


@pytest.mark.parametrize(
    ("policy", "found"), [("allkeys-lru", ["notifysite.W004"]), ("noeviction", [])]
)
def test_a_redis_that_evicts_is_named(
    redis_with: Callable[[str], None], policy: str, found: list[str]
) -> None:
    redis_with(policy)

    assert [message.id for message in eviction()] == found


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "amqp://127.0.0.1:1//"])
def test_a_broker_that_does_not_answer_is_left_to_others(settings: Any, url: str) -> None:
    settings.CELERY_BROKER_URL = url
    nudges.forget()

    assert eviction() == []


def test_only_a_deployment_asks_the_broker() -> None:
    assert eviction not in django_checks.registry.registry.get_checks()
    assert eviction in django_checks.registry.registry.get_checks(include_deployment_checks=True)
