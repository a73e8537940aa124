"""Brokers that go silent, are cut off or emptied, beside several of everything."""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from rest_framework.test import APIClient

from delivery.models import Heartbeat
from notifications import heartbeats, nudges
from notifications.canaries import Canaries
from notifications.models import Notification
from notifications.words import Mode, Status
from tests.chaos.stand.proxy import Proxy
from tests.e2e.processes import beat, eventually, pump, worker
from tests.factories import make_type
from tests.fakes.brokers import through
from tests.fakes.ledger import entries
from tests.notifications.conftest import client_for

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def queues(broker_url: str) -> Iterator[Callable[[], None]]:
    """Deletes the queues of a broker with all that waits in them, as a flush would."""

    def delete() -> None:
        with current_app.connection_for_read(url=broker_url) as connection:
            for queue in current_app.amqp.queues.values():
                queue.bind(connection.default_channel).delete()

    yield delete
    delete()


@pytest.fixture
def pumping(broker_url: str, settings: Any) -> Iterator[Callable[[], None]]:
    """What a pump does for the workers, over a connection of its own to the broker."""
    settings.CELERY_BROKER_URL, settings.CANARY_SECONDS = broker_url, 0.5
    nudges.forget()
    canaries = Canaries()

    def pump_once() -> None:
        heartbeats.beat(heartbeats.PUMP)
        canaries.send()

    yield pump_once
    nudges.forget()


def workers_that_took_a_nudge() -> int:
    return Heartbeat.objects.filter(kind__startswith="worker", consumed_at__isnull=False).count()


def test_a_worker_whose_broker_went_silent_ends_to_be_started_again(
    broker_url: str, wire: Proxy, pumping: Callable[[], None], queues: Any
) -> None:
    environment = {"CELERY_BROKER_URL": through(wire, broker_url), "TEST_DEAF_SECONDS": "2"}
    with worker("bulk", **environment) as process:
        eventually(lambda: pumping() or workers_that_took_a_nudge(), within=180)

        wire.swallow()

        assert eventually(lambda: pumping() or process.poll(), within=180) == 1
    assert not Heartbeat.objects.filter(kind="worker-bulk").exists()


@pytest.mark.parametrize("broker_url", ["redis"], indirect=True)
def test_cut_and_emptied_beside_several_of_everything_each_message_leaves_once(
    broker_url: str, wire: Proxy, queues: Callable[[], None], tmp_path: Path
) -> None:
    ledger, url = tmp_path / "ledger.jsonl", through(wire, broker_url)
    environment = {"CELERY_BROKER_URL": url, "TEST_LEDGER": str(ledger)}
    make_type("order_shipped")
    each_second, _ = IntervalSchedule.objects.get_or_create(
        every=1, period=IntervalSchedule.SECONDS
    )
    PeriodicTask.objects.create(
        name="house", task="notifications.tasks.keep_house", interval=each_second, queue="default"
    )
    with ExitStack() as running:
        for each in (pump, pump, beat, beat):
            running.enter_context(each(**environment))
        last = running.enter_context(worker("critical", "default", "bulk", **environment))
        eventually(workers_that_took_a_nudge, within=180)
        for batch in range(6):
            send(range(10 * batch, 10 * batch + 10))
            wire.cut()
            queues()
        eventually(
            lambda: Notification.objects.filter(status=Status.DONE).count() == 60, within=180
        )

        last.send_signal(signal.SIGTERM)
        assert last.wait(60) == 0
    assert sorted(entry["address"] for entry in entries(ledger)) == sorted(map(address, range(60)))
    assert not Heartbeat.objects.filter(kind__startswith="worker").exists()


def address(number: int) -> str:
    return f"u{number}@example.com"


def send(numbers: range) -> None:
    client: APIClient = client_for(Mode.LIVE)
    to = [{"user_id": f"u{number}", "email": address(number)} for number in numbers]
    answer = client.post(
        "/api/v1/notifications", {"type": "order_shipped", "to": to}, format="json"
    )
    assert answer.status_code == 202, answer.content
