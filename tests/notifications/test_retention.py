"""Months that are too old go whole; what is open keeps its month, and sending is never held up."""

import io
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction
from django.db.models.functions import Now
from rest_framework.test import APIClient

from delivery import queue
from delivery.inbox import items
from delivery.lifecycle import State
from delivery.models import (
    Attempt,
    AuditEntry,
    Delivery,
    Engagement,
    Event,
    InboxItem,
    Pace,
)
from notifications import figures, housekeeping, retention
from notifications.models import Callback, Decision, Notification, Render
from notifications.words import Status
from notifysite.plumbing import claims, ids, partitions
from preferences.models import Address
from tests.factories import make_recipient, make_type

pytestmark = pytest.mark.django_db

FEBRUARY = datetime(2020, 2, 11, tzinfo=UTC)
MARCH = datetime(2020, 3, 11, tzinfo=UTC)
NOW = datetime(2021, 4, 2, tzinfo=UTC)  # of 13 full months before it March 2020 is the first
TABLES = (Notification, Delivery, Attempt, Event, Engagement, Render, Callback)


@pytest.fixture
def months(db: None) -> None:
    """February to May 2020."""
    partitions.ensure_months(FEBRUARY)


def at(moment: datetime) -> UUID:
    return ids.uuid7(int(moment.timestamp() * 1000))


def tell(
    moment: datetime, *, status: int = Status.DONE, state: int = State.SENT, due: bool = False
) -> UUID:
    """A notification of that time with a row in every table; returns its id."""
    id_, delivery = at(moment), at(moment)
    due_at = Now() if due else None
    Notification.objects.create(
        id=id_, request_id=id_, service_id=1, key_id=1, recipient_id=1, type_id=1, mode=1,
        priority=3, lane=2, status=status, due_at=due_at,
    )  # fmt: skip
    Delivery.objects.create(
        id=delivery, notification_id=id_, recipient_id=1, channel=1, step=1, lane=2, mode=1,
        uncertain=1, state=state, due_at=due_at, accepted_at=moment, person_changed_at=moment,
    )  # fmt: skip
    Attempt.objects.create(id=at(moment), delivery_id=delivery, number=1, outcome=1, took_ms=1)
    Event.objects.create(id=at(moment), delivery_id=delivery, kind=3, at=moment)
    Engagement.objects.create(id=delivery, notification_id=id_, seen_at=moment)
    Render.objects.create(id=delivery, version_id=1, variables=b"")
    Callback.objects.create(id=ids.sibling(delivery), endpoint_id=1, event=3, at=moment)
    InboxItem.objects.create(
        id=delivery, notification_id=id_, recipient_id=1, content=b"",
        seq=InboxItem.objects.count() + 1, changed_seq=1,
    )  # fmt: skip
    return id_


def there() -> set[str]:
    """The months up to April 2020 that any table has."""
    return {str(month) for month in partitions.existing() if month.start.year == 2020} & {
        "2020-02",
        "2020-03",
        "2020-04",
    }


def stays() -> dict[str, str]:
    return {str(one.month): one.stays for one in retention.drop(NOW, actor="test")}


def test_an_old_month_goes_from_every_table_and_a_newer_one_stays(months: None) -> None:
    tell(FEBRUARY)
    kept = tell(MARCH)

    assert stays() == {"2020-02": ""}

    assert there() == {"2020-03", "2020-04"}
    assert [table.objects.count() for table in TABLES] == [1] * len(TABLES)
    assert Notification.objects.get().id == kept


def test_a_month_goes_when_thirteen_full_ones_lie_between(months: None) -> None:
    last = datetime(2021, 3, 31, 23, 59, tzinfo=UTC)
    assert [str(one.month) for one in retention.look(last)] == []
    assert [str(one.month) for one in retention.look(last + timedelta(minutes=1))] == ["2020-02"]


def test_zero_months_keeps_everything(months: None, settings: Any) -> None:
    settings.RETENTION_MONTHS = 0
    tell(FEBRUARY)

    assert stays() == {}
    assert retention.sweep(NOW) == {}
    assert InboxItem.objects.count() == 1


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"status": Status.ACCEPTED, "due": True}, "notification"),
        ({"status": Status.PLANNED}, "notification"),
        ({"state": State.QUEUED, "due": True}, "delivery"),
        ({"state": State.SENDING, "due": True}, "delivery"),
        ({"state": State.UNCERTAIN, "due": True}, "delivery"),
        ({"state": State.UNCERTAIN}, ""),
        ({"state": State.DEAD}, ""),
        ({"status": Status.CANCELLED}, ""),
    ],
)
def test_what_is_open_keeps_its_month(months: None, row: dict[str, Any], why: str) -> None:
    id_ = tell(FEBRUARY, **row)
    tell(FEBRUARY)
    named = {
        "notification": id_,
        "delivery": Delivery.objects.get(notification_id=id_).id,
    }
    told = f"1 {why} is still open, oldest {named[why]}" if why else ""

    assert stays() == {"2020-02": told}
    assert there() == {"2020-03", "2020-04"} | ({"2020-02"} if why else set())


def test_a_month_that_stays_keeps_no_other(months: None, settings: Any) -> None:
    settings.RETENTION_MONTHS = 12
    oldest = min(tell(FEBRUARY, status=Status.PLANNED) for _ in range(2))
    tell(MARCH)

    assert stays() == {
        "2020-02": f"2 notifications are still open, oldest {oldest}",
        "2020-03": "",
    }
    assert there() == {"2020-02", "2020-04"}
    retention.sweep(NOW)
    assert [ids.moment(item.id).month for item in InboxItem.objects.all()] == [2, 2]


def test_what_is_scheduled_for_later_keeps_the_month_it_was_accepted_in(months: None) -> None:
    id_ = tell(FEBRUARY)
    later = datetime(2093, 1, 1, tzinfo=UTC)
    Notification.objects.update(status=Status.ACCEPTED, send_at=later, due_at=later)

    assert stays() == {"2020-02": f"1 notification is still open, oldest {id_}"}


def test_what_was_dropped_is_in_the_audit_trail(months: None) -> None:
    stays()

    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action, entry.target) == ("test", "month.dropped", "month:2020-02")
    assert sorted(entry.detail) == sorted(table._meta.db_table for table in TABLES)


def test_a_second_run_finds_nothing(months: None) -> None:
    tell(FEBRUARY)
    stays()
    retention.sweep(NOW)

    assert stays() == {}
    assert set(retention.sweep(NOW).values()) == {0}


def decided(until: datetime | None, created_at: datetime) -> Decision:
    step = {"step": 1, "until": until and until.isoformat().replace("+00:00", "Z")}
    return Decision.objects.create(
        digest=f"{until}{created_at}".encode(), body=[{"step": 2, "until": None}, step],
        created_at=created_at,
    )  # fmt: skip


def test_decisions_go_when_nothing_kept_can_name_them(months: None) -> None:
    decided(FEBRUARY + timedelta(hours=1), FEBRUARY)
    kept = [decided(MARCH, FEBRUARY), decided(None, FEBRUARY), decided(MARCH, MARCH)]
    stays()

    assert retention.sweep(NOW)["decisions"] == 1
    assert list(Decision.objects.order_by("id")) == kept


def test_addresses_go_that_were_out_of_use_before_the_oldest_month(months: None) -> None:
    person = make_recipient(email="ann@example.com")
    current = Address.objects.get()
    for retired_at, hash_ in ((FEBRUARY, b"1"), (MARCH, b"2")):
        Address.objects.create(
            recipient=person, channel=1, value=b"", hash=hash_, retired_at=retired_at
        )
    assert retention.sweep(NOW)["addresses"] == 0
    stays()

    assert retention.sweep(NOW)["addresses"] == 1
    left = Address.objects.order_by("id").values_list("retired_at", flat=True)
    assert list(left) == [None, MARCH]
    assert Address.objects.filter(pk=current.pk).exists()


def test_items_of_the_inbox_go_with_their_month_in_batches(
    months: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    for _ in range(5):
        tell(FEBRUARY)
    tell(MARCH)
    stays()

    assert retention.sweep(NOW, until=0)["inbox_items"] == 2
    assert retention.sweep(NOW)["inbox_items"] == 3
    assert InboxItem.objects.count() == 1


def test_reading_an_item_whose_month_is_gone_leaves_no_row_outside_every_month(
    months: None,
) -> None:
    tell(FEBRUARY)
    stays()
    (item,) = InboxItem.objects.all()

    assert items.mark(1, items.Mark.READ, [item.id]).changed == 1
    assert not Engagement.objects.exists()


def test_rows_of_a_clock_that_was_behind_get_their_month_and_leave_with_it(db: None) -> None:
    tell(FEBRUARY)
    assert set(partitions.health(datetime.now(UTC)).stray) == {
        table._meta.db_table for table in TABLES
    }
    housekeeping.keep()

    assert partitions.health(datetime.now(UTC)).well
    assert there() == set()
    assert not Notification.objects.exists()


def test_house_keeping_looks_once_a_day(months: None) -> None:
    assert housekeeping.keep()["old_months"] == 4
    assert "old_months" not in housekeeping.keep()
    assert timedelta(hours=23) < Pace.objects.get().until - datetime.now(UTC) <= timedelta(days=1)


def test_house_keeping_looks_again_soon_when_time_ran_out(months: None) -> None:
    housekeeping.keep(budget=0)
    assert Pace.objects.get().until - datetime.now(UTC) <= timedelta(minutes=10)


def test_sessions_that_ran_out_go(db: None) -> None:
    for key, days in (("old", -1), ("new", 1)):
        Session.objects.create(session_key=key, expire_date=Now() + timedelta(days=days))
    assert housekeeping.keep()["sessions"] == 1
    assert Session.objects.get().session_key == "new"


# The command


def said(*args: str) -> list[str]:
    out = io.StringIO()
    call_command("retention", *args, stdout=out)
    return [" ".join(line.split()) for line in out.getvalue().splitlines()]


def test_a_dry_run_says_what_would_go_and_why_a_month_stays(months: None) -> None:
    tell(FEBRUARY)
    id_ = tell(MARCH, status=Status.PLANNED)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE notification_y2020m02")
    before = there()

    lines = said("--dry-run")

    assert lines[1] == "2020-02 would go:"
    assert [line for line in lines if line.startswith("notification about 1 rows")]
    assert f"2020-03 stays: 1 notification is still open, oldest {id_}." in lines
    assert lines[-1] == "Nothing was changed."
    assert (there(), Notification.objects.count()) == (before, 2)
    assert not AuditEntry.objects.exists()


def test_the_command_drops_and_says_so(months: None) -> None:
    tell(FEBRUARY)

    lines = said()

    assert lines[1] == "2020-02 is gone:"
    assert "Inbox items deleted: 1" in lines
    assert there() == set()
    assert said()[1] == "No month is older."


def test_the_command_says_that_all_is_kept(settings: Any) -> None:
    settings.RETENTION_MONTHS = 0
    assert said() == ["RETENTION_MONTHS is 0: everything is kept."]


# Those who read and write meanwhile


@pytest.fixture
def committed(transactional_db: None) -> Iterator[None]:
    """Old months that others see; what is left of them goes at the end."""
    partitions.ensure_months(FEBRUARY)
    yield
    with connection.cursor() as cursor:
        for month in partitions.existing():
            for piece in month.pieces if month.start.year == 2020 else ():
                cursor.execute(f'DROP TABLE "{piece.name}"')


@pytest.fixture
def beside() -> Iterator[Callable[[Callable[[], None]], None]]:
    """Do something in a transaction of another connection that stays open."""
    began, done = threading.Event(), threading.Event()
    threads: list[threading.Thread] = []

    def hold(deed: Callable[[], None]) -> None:
        with transaction.atomic():
            deed()
            began.set()
            done.wait(20)
        connections.close_all()

    def start(deed: Callable[[], None]) -> None:
        threads.append(threading.Thread(target=hold, args=[deed]))
        threads[0].start()
        assert began.wait(10)

    yield start
    done.set()
    for thread in threads:
        thread.join()


def test_it_gives_up_on_a_month_in_use_and_holds_nobody_up(
    committed: None, beside: Callable[[Callable[[], None]], None]
) -> None:
    tell(FEBRUARY)
    tell(datetime.now(UTC), state=State.QUEUED, due=True)
    beside(lambda: Notification.objects.count() and None)
    dropping = threading.Thread(target=lambda: (stays(), connections.close_all()))
    dropping.start()

    slowest, claimed = 0.0, 0
    while dropping.is_alive():
        began = time.monotonic()
        claimed += len(queue.claim(2, token=claims.token()))
        tell(datetime.now(UTC))
        slowest = max(slowest, time.monotonic() - began)
    dropping.join()

    assert claimed == 1
    assert slowest < 5.0
    assert "2020-02" in there()
    assert stays() == {"2020-02": retention.BUSY}
    assert not AuditEntry.objects.exists()


def test_a_month_in_use_goes_at_the_next_run(
    committed: None, beside: Callable[[Callable[[], None]], None]
) -> None:
    tell(MARCH)
    beside(lambda: None)
    assert stays() == {"2020-02": ""}
    assert there() == {"2020-03", "2020-04"}


def test_house_keeping_tries_again_soon_what_was_in_use(
    committed: None, beside: Callable[[Callable[[], None]], None]
) -> None:
    beside(lambda: Notification.objects.count() and None)
    assert housekeeping.keep()["old_months"] == 0
    assert Pace.objects.get().until - datetime.now(UTC) <= timedelta(minutes=10)


def test_the_command_waits_for_nobody_who_keeps_house(
    committed: None, house_taken: Callable[[], None]
) -> None:
    with pytest.raises(CommandError, match="Run this again in a few seconds"):
        said()


# What is asked for afterwards


def test_what_is_gone_is_as_unknown_as_what_never_was(
    api: APIClient, provider: Any, run: Callable[[], int]
) -> None:
    make_type("order_shipped")
    answer = api.post(
        "/api/v1/notifications",
        {"type": "order_shipped", "to": {"user_id": "ann", "email": "ann@example.com"}},
    )
    (sent,) = answer.json()["notifications"]
    run()
    before = list(figures.today(figures.DELIVERIES))

    retention.drop(datetime.now(UTC) + timedelta(days=500), actor="test")

    url = f"/api/v1/notifications/{sent['id']}"
    answers = [
        api.get(url),
        api.get(f"{url}/timeline"),
        api.post(f"{url}/cancel"),
    ]
    assert [one.status_code for one in answers] == [404] * 3
    assert api.get("/api/v1/notifications").json()["results"] == []
    assert list(figures.today(figures.DELIVERIES)) == before != []
