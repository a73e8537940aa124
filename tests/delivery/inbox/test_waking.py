"""Snoozed items come back at their time, on top, and open tabs are told."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from delivery.inbox import heads, items, waking
from delivery.inbox.heads import Head
from delivery.inbox.items import Mark, Shelf
from delivery.models import InboxItem
from notifysite.asgi import application
from tests.delivery.inbox.serving import heard, serve

LATER = datetime.now(UTC) + timedelta(days=1)


def snooze(person, ids):
    items.mark(person.id, Mark.SNOOZE, ids, until=LATER)


def let_time_pass():
    """The time that was named is now."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE inbox_item SET snoozed_until = snoozed_until - interval '1 day'")


def on(person, shelf):
    return list(items.on_shelf(person.id, shelf).order_by("-seq").values_list("id", flat=True))


@pytest.mark.django_db
def test_counts_are_right_before_it_is_woken_and_after(ann, put):
    first, _ = put(ann, 2)
    items.mark(ann.id, Mark.READ, [first])
    snooze(ann, [first])
    away = items.counts(ann.id)["orders"]
    let_time_pass()
    back = items.counts(ann.id)["orders"]

    assert waking.wake_due() == 1

    assert away == {"all": 1, "unseen": 1, "unread": 1, "read": 0, "archived": 0, "snoozed": 1}
    assert back == {"all": 2, "unseen": 1, "unread": 2, "read": 0, "archived": 0, "snoozed": 0}
    assert items.counts(ann.id)["orders"] == back
    assert heads.read_one(ann.id).unread == 2


@pytest.mark.django_db
def test_it_comes_back_on_top_as_if_it_had_just_come(ann, put):
    first, second = put(ann, 2, silent=True)
    snooze(ann, [first])
    let_time_pass()
    waking.wake_due()

    assert on(ann, Shelf.ALL) == [first, second]
    item = InboxItem.objects.get(id=first)
    assert (item.seq, item.changed_seq, item.snoozed_until) == (4, 4, None)
    assert [one.id for one in items.changed_since(ann.id, 3)] == [first]
    assert [one.silent for one in items.changed_since(ann.id, 0)] == [True, False]


@pytest.mark.django_db
def test_what_is_not_due_stays_away(ann, bob, put):
    [mine], [theirs] = put(ann), put(bob)
    snooze(bob, [theirs])
    let_time_pass()
    snooze(ann, [mine])

    assert waking.wake_due() == 1

    assert on(ann, Shelf.SNOOZED) == [mine]
    assert on(bob, Shelf.ALL) == [theirs]
    assert heads.read_one(ann.id) == Head(2, 0)


@pytest.mark.django_db
def test_an_archived_item_stays_in_the_archive(ann, put):
    [id] = put(ann)
    snooze(ann, [id])
    items.mark(ann.id, Mark.ARCHIVE, [id])
    let_time_pass()
    waking.wake_due()

    assert on(ann, Shelf.ARCHIVED) == [id]
    assert heads.read_one(ann.id).unread == 0


@pytest.mark.django_db
def test_nothing_due_costs_one_statement_and_writes_nothing(ann, put):
    put(ann)
    with CaptureQueriesContext(connection) as said:
        assert waking.wake_due() == 0
    assert len(said) == 1


@pytest.mark.django_db
def test_however_many_are_due_at_once_they_are_taken_in_batches(ann, bob, put, monkeypatch):
    monkeypatch.setattr(waking, "BATCH", 3)  # several rounds without a thousand items
    for person in (ann, bob):
        put(person, 5)
        items.mark_all(person.id, Mark.SNOOZE, until=LATER)
    let_time_pass()
    waking.wake_due()

    for person in (ann, bob):
        numbers = [item.seq for item in items.on_shelf(person.id, Shelf.UNREAD).order_by("seq")]
        assert numbers == [11, 12, 13, 14, 15]


@pytest.mark.django_db(transaction=True)
def test_two_pumps_wake_each_item_once(ann, bob, put):
    for person in (ann, bob):
        put(person, 20)
        items.mark_all(person.id, Mark.SNOOZE, until=LATER)
    let_time_pass()

    def pump(_):
        try:
            return waking.wake_due()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(pump, range(4)))

    for person in (ann, bob):
        assert heads.read_one(person.id) == Head(60, 20)


@pytest.mark.django_db(transaction=True)
def test_open_tabs_and_streams_are_told_aloud(ann, put):
    [id] = put(ann)
    snooze(ann, [id])
    with serve(application) as site, site.tab("ann") as tab:
        assert heard(tab) == {"type": "hello", "seq": 2, "unread": 0}
        with site.stream("/api/v1/inbox/stream", "ann") as answer:
            lines = answer.iter_lines()
            assert [next(lines) for _ in range(6)][3] == "event: hello"
            let_time_pass()
            waking.wake_due()
            assert heard(tab) == {"type": "hint", "seq": 3, "unread": 1, "silent": False}
            assert [next(lines) for _ in range(3)] == [
                "id: 3", "event: hint", 'data: {"seq": 3, "unread": 1, "silent": false}',
            ]  # fmt: skip
