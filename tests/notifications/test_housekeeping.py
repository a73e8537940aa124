"""House-keeping: what is old goes, what is needed comes, and only one does it."""

import io
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from delivery.models import Heartbeat, News, OutboxMessage, Suppression
from notifications import housekeeping, pump, tasks
from notifications.models import FigureDelta, IdempotencyKey

pytestmark = pytest.mark.django_db


def aged(days: float) -> Any:
    return Now() - timedelta(days=days)


def make_rows(days: float) -> None:
    """One row of each kind, so many days old."""
    IdempotencyKey.objects.create(
        service_id=1, test=False, endpoint="x", key=f"k{days}", fingerprint=b"", status=202,
        answer={}, created_at=aged(days),
    )  # fmt: skip
    News.objects.create(provider="p", event_key=f"e{days}", created_at=aged(days))
    OutboxMessage.objects.create(
        delivery_id="018f0000-0000-7000-8000-000000000000",
        notification_id="018f0000-0000-7000-8000-000000000000",
        recipient_id=1, channel=1, outcome=1, content=b"", created_at=aged(days),
    )  # fmt: skip
    Heartbeat.objects.create(name=f"pump-{days}", kind="pump", at=aged(days))


def left() -> dict[str, int]:
    kinds = (IdempotencyKey, News, OutboxMessage, Heartbeat)
    return {kind.__name__: kind.objects.count() for kind in kinds}


@pytest.mark.parametrize(
    ("days", "gone"),
    [
        (0.9, set()),
        (1.1, {"Heartbeat"}),
        (7.1, {"Heartbeat", "IdempotencyKey"}),
        (30.1, {"Heartbeat", "IdempotencyKey", "OutboxMessage"}),
        (90.1, {"Heartbeat", "IdempotencyKey", "OutboxMessage", "News"}),
    ],
)
def test_each_kind_is_kept_for_its_time(days: float, gone: set[str]) -> None:
    make_rows(days)
    housekeeping.keep()
    assert {name for name, count in left().items() if count == 0} == gone


def test_a_suppression_goes_a_month_after_it_expired_and_the_others_stay() -> None:
    for number, end in enumerate([None, aged(-1), aged(0), aged(29), aged(31), aged(400)]):
        Suppression.objects.create(
            channel=1,
            address_hash=b"%d" % number,
            reason=5,
            created_at=aged(500),
            expires_at=end,
        )
    assert housekeeping.keep()["suppressions"] == 2
    assert {bytes(row.address_hash) for row in Suppression.objects.all()} == {
        b"0",
        b"1",
        b"2",
        b"3",
    }


def test_more_than_a_batch_goes_in_one_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "BATCH", 2)
    for number in range(5):
        make_rows(100 + number)
    done = housekeeping.keep()
    assert (done["idempotency_keys"], done["news"], done["sandbox_messages"]) == (5, 5, 5)


def test_without_time_it_leaves_the_rest_for_the_next_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(housekeeping, "BATCH", 2)
    for number in range(5):
        make_rows(100 + number)
    assert housekeeping.keep(budget=0)["news"] == 2


def test_a_month_that_lacks_is_made() -> None:
    name = f"notification_y{timezone.now():%Y}m{timezone.now():%m}"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {name}")
        assert housekeeping.keep()["months"] == 1
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [name])
        assert cursor.fetchone() == (True,)


def test_deltas_are_folded() -> None:
    FigureDelta.objects.create(day=timezone.now().date(), metric="m", labels="{}", value=1)
    assert housekeeping.keep()["figures"] == 1
    assert not FigureDelta.objects.exists()


def test_whoever_comes_second_leaves(house_taken: Callable[[], None]) -> None:
    assert housekeeping.keep() == {}
    house_taken()
    assert housekeeping.keep() != {}


def test_the_task_keeps_house() -> None:
    make_rows(100)
    tasks.keep_house()
    assert set(left().values()) == {0}


def test_the_pump_keeps_house_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    stop, rounds, kept = threading.Event(), [], []
    monkeypatch.setattr(pump, "EVERY_SECONDS", 0.0)
    monkeypatch.setattr(housekeeping, "keep", lambda: kept.append(1))

    def tick(**_: Any) -> None:
        rounds.append(1)
        if len(rounds) == 5:
            stop.set()

    monkeypatch.setattr(pump, "tick", tick)
    pump.run(stop)
    assert (len(rounds), len(kept)) == (5, 1)


def test_schedules_are_made_once() -> None:
    for _ in range(2):
        call_command("setup_schedules", stdout=io.StringIO())
    task = PeriodicTask.objects.get(name="keep house")
    assert (task.task, task.interval.period, task.queue) == (
        "notifications.tasks.keep_house",
        "minutes",
        "default",
    )
