"""Workers, pump and brokers as real processes: what is accepted leaves, whoever is down."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from delivery.lifecycle import State
from delivery.models import Delivery
from notifications.models import Notification
from notifications.words import Mode, Status
from tests.e2e.processes import eventually, kill, pump, worker
from tests.factories import make_category, make_type
from tests.fakes.ledger import entries
from tests.notifications.conftest import client_for

pytestmark = pytest.mark.django_db(transaction=True)
ANN = {"user_id": "ann", "email": "ann@example.com", "phone": "+493012345678"}


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "ledger.jsonl"


@pytest.fixture
def send() -> Callable[..., Any]:
    client: APIClient = client_for(Mode.LIVE)

    def post(to: Any = ANN, kind: str = "order_shipped") -> None:
        answer = client.post("/api/v1/notifications", {"type": kind, "to": to}, format="json")
        assert answer.status_code == 202, answer.content

    return post


@pytest.fixture
def dead_broker() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"redis://127.0.0.1:{server.getsockname()[1]}/0"


@pytest.fixture
def frozen_broker() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


def all_done(count: int) -> bool:
    return Notification.objects.filter(status=Status.DONE).count() == count


@pytest.mark.parametrize("broker", ["dead_broker", "frozen_broker"])
def test_whatever_became_of_the_broker_mail_still_leaves(
    send: Any, ledger: Path, broker: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue(broker)
    make_type("order_shipped")
    send([{"user_id": f"u{n}", "email": f"u{n}@example.com"} for n in range(30)])

    with pump(CELERY_BROKER_URL=url, TEST_LEDGER=str(ledger)):
        eventually(lambda: all_done(30))

    assert len(entries(ledger)) == 30


def test_a_worker_does_what_the_pump_nudges_it_to(send: Any, ledger: Path, broker_url: str) -> None:
    make_type("order_shipped")
    environment = {"CELERY_BROKER_URL": broker_url, "TEST_LEDGER": str(ledger)}

    with worker("critical", "default", "bulk", **environment), pump(**environment):
        send()
        eventually(lambda: all_done(1))

    assert [entry["address"] for entry in entries(ledger)] == ["ann@example.com"]


def test_steps_that_wait_survive_a_crash_of_everything(
    send: Any, ledger: Path, dead_broker: str
) -> None:
    """Unseen after its wait, a message escalates, although the process that planned it is gone;
    and a step that failed falls back."""
    make_type(
        "order_shipped",
        steps=[
            {"channel": "in_app"},
            {"channel": "email", "wait_seconds": 3600, "condition": 2},
        ],
    )
    make_type(
        "code",
        category=make_category(default_channels=[1, 2]),
        steps=[{"channel": "email"}, {"channel": "sms", "condition": 3}],
    )
    environment = {"CELERY_BROKER_URL": dead_broker, "TEST_LEDGER": str(ledger)}
    send()
    with pump(**environment) as first:
        eventually(lambda: Delivery.objects.filter(state=State.DELIVERED).exists())
        kill(first)
    send({**ANN, "user_id": "bo", "email": "refused@example.com"}, kind="code")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE notification SET created_at = created_at - interval '2 hours',"
            " due_at = due_at - interval '2 hours' WHERE due_at IS NOT NULL"
        )

    with pump(**environment):
        eventually(lambda: all_done(2))

    assert sorted((entry["channel"], entry["address"]) for entry in entries(ledger)) == [
        (1, "ann@example.com"),
        (2, "+493012345678"),
    ]
