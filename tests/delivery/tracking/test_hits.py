"""Hits are gathered, judged and written down together: first times, of people and of machines."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from structlog.testing import capture_logs

from delivery.lifecycle import EventKind, State
from delivery.models import Announcement, Delivery, Engagement, Event, News
from delivery.tracking import counts, hits, places
from delivery.tracking.hits import Collector
from delivery.tracking.keeping import Hit
from preferences.models import Recipient
from tests.delivery.tracking.conftest import BROWSER

Sent = Callable[..., list[UUID]]
OPENED, CLICKED = EventKind.OPENED, EventKind.CLICKED


class Clock:
    """A monotonic clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def collector(clock: Clock) -> Collector:
    return Collector(clock=clock)


def hit(delivery: UUID, kind: EventKind = CLICKED, **said: Any) -> Hit:
    return Hit(
        delivery=delivery, kind=kind, **{"at": 1_000.0, "agent": BROWSER, "link": "a"} | said
    )


def kept(delivery: UUID) -> set[str]:
    """What is kept of a delivery."""
    row = Engagement.objects.filter(pk=delivery).first()
    names = ("opened_at", "clicked_at", "seen_at", "machine_opened_at", "machine_clicked_at")
    return {name for name in names if row and getattr(row, name)}


@pytest.mark.django_db
def test_an_open_and_a_click_are_kept_with_when_they_were(
    collector: Collector, clock: Clock, sent: Sent
) -> None:
    (delivery,) = sent()
    collector.take(hit(delivery, OPENED, link=""))
    clock.now += 5
    collector.take(hit(delivery, at=clock.now))

    collector.flush()

    row = Engagement.objects.get(pk=delivery)
    assert row.opened_at is not None
    assert row.clicked_at is not None
    assert row.clicked_at - row.opened_at == timedelta(seconds=5)
    assert row.seen_at == row.clicked_at
    assert (row.machine_opened_at, row.machine_clicked_at) == (None, None)
    assert row.notification_id == Delivery.objects.get().notification_id


@pytest.mark.django_db
def test_a_machine_is_kept_apart_and_tells_nothing_of_the_person(
    collector: Collector, sent: Sent
) -> None:
    (delivery,) = sent()
    collector.take(hit(delivery, OPENED, agent="Mozilla/5.0"))
    collector.take(hit(delivery, agent="curl/8.5.0"))

    collector.flush()

    assert kept(delivery) == {"machine_opened_at", "machine_clicked_at"}
    assert not Announcement.objects.exists()


@pytest.mark.django_db
def test_the_rooms_above_are_told_once(collector: Collector, sent: Sent) -> None:
    (delivery,) = sent()
    for link in ("a", "b"):
        collector.take(hit(delivery, link=link))
    collector.flush()
    collector.take(hit(delivery, link="c"))
    collector.flush()

    (announcement,) = Announcement.objects.all()
    assert len(announcement.changes) == 1
    assert announcement.changes[0][0] == delivery.hex


@pytest.mark.django_db
def test_nothing_grows_with_the_hits(collector: Collector, sent: Sent) -> None:
    (delivery,) = sent()
    for number in range(50):
        collector.take(hit(delivery, link=f"link {number}"))
        collector.flush()

    assert Engagement.objects.count() == 1
    assert not Event.objects.exists()
    assert not News.objects.exists()


@pytest.mark.django_db
def test_a_repeat_does_not_ask_the_database(collector: Collector, sent: Sent) -> None:
    (delivery,) = sent()
    collector.take(hit(delivery))
    collector.flush()

    with CaptureQueriesContext(connection) as asked:
        for number in range(50):
            collector.take(hit(delivery, link=f"link {number}"))
        collector.flush()

    assert len(asked) == 0


@pytest.mark.django_db
def test_many_hits_are_a_few_statements(collector: Collector, sent: Sent) -> None:
    one, many = sent(1), sent(40)
    counts = []
    for deliveries in (one, many):
        for delivery in deliveries:
            collector.take(hit(delivery))
        with CaptureQueriesContext(connection) as asked:
            collector.flush()
        counts.append(len(asked))

    assert counts[0] == counts[1]
    assert Engagement.objects.count() == 41


@pytest.mark.django_db
def test_several_links_at_once_soon_after_it_was_sent_are_a_scanner(
    collector: Collector, clock: Clock, sent: Sent
) -> None:
    (delivery,) = sent(ago=10)
    collector.take(hit(delivery, link="a"))
    collector.take(hit(delivery, link="b", at=1_000.9))
    clock.now += 1.5

    collector.flush(older=1.0)  # only the first is ripe; that the second came is known
    collector.flush()

    assert kept(delivery) == {"machine_clicked_at"}


@pytest.mark.django_db
def test_what_was_just_written_down_still_counts_as_at_once(
    collector: Collector, clock: Clock, sent: Sent
) -> None:
    (delivery,) = sent(ago=10)
    collector.take(hit(delivery, link="a", agent="curl/8.5.0"))
    collector.take(hit(delivery, link="b", at=1_000.9))
    clock.now += 1.5
    collector.flush(older=1.0)
    clock.now += 1.0
    collector.flush(older=1.0)

    assert kept(delivery) == {"machine_clicked_at"}


@pytest.mark.django_db
def test_who_follows_one_link_after_the_other_is_a_person(
    collector: Collector, clock: Clock, sent: Sent
) -> None:
    (delivery,) = sent(ago=10)
    collector.take(hit(delivery, link="a"))
    clock.now += 3
    collector.take(hit(delivery, link="b", at=clock.now))

    collector.flush()

    assert kept(delivery) == {"clicked_at", "seen_at"}


@pytest.mark.django_db
def test_a_hit_while_it_is_being_handed_over_is_a_machines(
    collector: Collector, sent: Sent
) -> None:
    (delivery,) = sent()
    Delivery.objects.update(state=State.SENDING, sent_at=None)
    collector.take(hit(delivery))

    collector.flush()

    assert kept(delivery) == {"machine_clicked_at"}


@pytest.mark.django_db
def test_a_hit_of_what_may_have_arrived_is_a_persons(collector: Collector, sent: Sent) -> None:
    (delivery,) = sent()
    Delivery.objects.update(state=State.UNCERTAIN, sent_at=None)
    collector.take(hit(delivery))

    collector.flush()

    assert kept(delivery) == {"clicked_at", "seen_at"}


@pytest.mark.django_db
def test_a_scanner_first_and_the_person_later_are_both_kept(
    collector: Collector, clock: Clock, sent: Sent
) -> None:
    (delivery,) = sent(ago=1)
    collector.take(hit(delivery))
    collector.flush()
    assert kept(delivery) == {"machine_clicked_at"}

    Delivery.objects.update(sent_at=Delivery.objects.get().sent_at - timedelta(minutes=1))
    collector.take(hit(delivery))
    collector.flush()

    assert kept(delivery) == {"machine_clicked_at", "clicked_at", "seen_at"}


@pytest.mark.django_db
def test_of_who_was_erased_nothing_is_kept(collector: Collector, sent: Sent) -> None:
    (delivery,) = sent()
    Recipient.objects.update(data_key=None)
    collector.take(hit(delivery))

    collector.flush()

    assert kept(delivery) == set()
    assert not Announcement.objects.exists()


@pytest.mark.django_db
def test_of_a_delivery_that_is_gone_nothing_is_kept(collector: Collector) -> None:
    collector.take(hit(uuid4()))

    collector.flush()

    assert not Engagement.objects.exists()
    assert collector.dropped == 0


def test_no_more_wait_than_can_be_held(collector: Collector) -> None:
    for _ in range(hits.MOST_WAITING + 5):
        collector.take(hit(uuid4()))

    assert collector.waiting() == hits.MOST_WAITING
    assert collector.dropped == 5


@pytest.mark.django_db(transaction=True)
def test_without_the_database_readers_get_on_and_hits_are_dropped_and_counted(
    browser: Client,
) -> None:
    connection.close()
    there = connection.settings_dict["HOST"], connection.settings_dict["PORT"]
    connection.settings_dict["HOST"], connection.settings_dict["PORT"] = "127.0.0.1", "1"
    dropped = hits.collector.dropped
    try:
        url = places.click_url(uuid4(), "https://shop.example/")
        answer = browser.get(str(url))
        with capture_logs() as logs:
            hits.collector.flush()
    finally:
        connection.close()
        connection.settings_dict["HOST"], connection.settings_dict["PORT"] = there

    assert answer["Location"] == "https://shop.example/"
    assert hits.collector.dropped == dropped + 1
    (said,) = logs
    assert (said["event"], said["hits"], said["total"]) == ("hits_dropped", 1, dropped + 1)
    assert "shop.example" not in str(said)

    assert counts.read() == {"dropped": 0}
    hits.collector.flush()
    hits.collector.flush()
    assert counts.read() == {"dropped": 1}


@pytest.mark.django_db(transaction=True)
def test_a_thread_of_the_process_writes_them_down(settings: Any, sent: Sent) -> None:
    settings.TRACKING_ROUND_SECONDS = 0.01
    (delivery,) = sent()
    own = Collector()

    own.take(hit(delivery, at=own.clock()))

    until = time.monotonic() + 30
    while not kept(delivery) and time.monotonic() < until:
        time.sleep(0.02)
    assert kept(delivery) == {"clicked_at", "seen_at"}
    assert own.waiting() == 0
