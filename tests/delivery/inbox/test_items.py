"""What a person does with items, and what is then on which shelf."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from delivery.channels import IN_APP
from delivery.inbox import heads, items
from delivery.inbox.heads import Head
from delivery.inbox.items import Mark, Shelf
from delivery.lifecycle import State
from delivery.models import Delivery, Engagement, InboxItem
from notifysite.plumbing.ids import uuid7
from preferences.models import Recipient

LATER = datetime.now(UTC) + timedelta(days=1)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def on(person, shelf):
    return list(items.on_shelf(person.id, shelf).order_by("seq").values_list("id", flat=True))


def changed_since(person, seq):
    changed = items.changed_since(person.id, seq).order_by("changed_seq")
    return list(changed.values_list("id", "changed_seq"))


def test_a_new_item_is_unseen_and_unread(ann, put):
    [id] = put(ann)
    lying = [shelf for shelf in Shelf if id in on(ann, shelf)]
    assert lying == [Shelf.ALL, Shelf.UNSEEN, Shelf.UNREAD]


@pytest.mark.parametrize(
    ("changes", "shelves"),
    [
        ([Mark.SEEN], [Shelf.ALL, Shelf.UNREAD]),
        ([Mark.READ], [Shelf.ALL, Shelf.READ]),
        ([Mark.READ, Mark.UNREAD], [Shelf.ALL, Shelf.UNREAD]),
        ([Mark.ARCHIVE], [Shelf.ARCHIVED]),
        ([Mark.READ, Mark.ARCHIVE, Mark.UNARCHIVE], [Shelf.ALL, Shelf.READ]),
        ([Mark.SNOOZE], [Shelf.SNOOZED]),
        ([Mark.READ, Mark.SNOOZE, Mark.UNSNOOZE], [Shelf.ALL, Shelf.UNREAD]),
        ([Mark.SNOOZE, Mark.ARCHIVE], [Shelf.ARCHIVED]),
    ],
    ids=lambda value: "-".join(value),
)
def test_a_mark_moves_an_item_to_its_shelves(ann, put, changes, shelves):
    [id] = put(ann)
    for change in changes:
        items.mark(ann.id, change, [id], until=LATER if change is Mark.SNOOZE else None)
    assert [shelf for shelf in Shelf if id in on(ann, shelf)] == shelves


def test_an_item_whose_snooze_is_over_is_back_by_itself(ann, put):
    [id] = put(ann)
    items.mark(ann.id, Mark.SNOOZE, [id], until=LONG_AGO)
    assert on(ann, Shelf.SNOOZED) == []
    assert on(ann, Shelf.UNREAD) == [id]
    assert heads.read_one(ann.id).unread == 1


def test_an_expired_item_is_nowhere_and_takes_no_mark(ann, put):
    [id] = put(ann, expires_at=LONG_AGO)
    assert [on(ann, shelf) for shelf in Shelf] == [[]] * 6
    assert changed_since(ann, 0) == []
    assert items.counts(ann.id) == {}
    assert items.mark(ann.id, Mark.READ, [id]) == items.Marked(0, Head(1, 0))


def test_every_changed_item_takes_the_next_number(ann, put):
    first, second, third = put(ann, 3)
    marked = items.mark(ann.id, Mark.READ, [third, first])
    assert marked == items.Marked(2, Head(5, 1))
    assert changed_since(ann, 3) == [(first, 4), (third, 5)]
    assert put(ann)
    assert heads.read_one(ann.id) == Head(6, 2)
    assert changed_since(ann, 0)[0] == (second, 2)


def test_a_mark_that_changes_nothing_takes_no_number(ann, put):
    ids = put(ann, 2)
    items.mark(ann.id, Mark.READ, ids)
    assert items.mark(ann.id, Mark.READ, ids) == items.Marked(0, Head(4, 0))


def test_nobody_marks_the_items_of_another(ann, bob, put):
    [hers], [his] = put(ann), put(bob)
    assert items.mark(bob.id, Mark.READ, [hers, his]).changed == 1
    assert items.mark_all(bob.id, Mark.ARCHIVE).changed == 1
    assert on(ann, Shelf.UNREAD) == [hers]


def test_marking_all_takes_what_it_makes_sense_for(ann, put):
    read, snoozed, archived, fresh = put(ann, 4)
    items.mark(ann.id, Mark.READ, [read])
    items.mark(ann.id, Mark.SNOOZE, [snoozed], until=LATER)
    items.mark(ann.id, Mark.ARCHIVE, [archived])
    assert items.mark_all(ann.id, Mark.READ).changed == 1
    assert on(ann, Shelf.READ) == [read, fresh]
    assert items.mark_all(ann.id, Mark.UNSNOOZE).changed == 1
    assert items.mark_all(ann.id, Mark.UNARCHIVE).changed == 1
    assert on(ann, Shelf.ALL) == [read, snoozed, archived, fresh]


def test_marking_all_spares_what_came_after_the_page_was_read(ann, put):
    put(ann, 2)
    [later] = put(ann)
    assert items.mark_all(ann.id, Mark.READ, up_to=2).changed == 2
    assert on(ann, Shelf.UNREAD) == [later]


def test_marking_all_takes_an_inbox_of_any_size(ann, put, monkeypatch):
    monkeypatch.setattr(items, "BATCH", 4)  # three rounds without ten thousand items
    put(ann, 10)
    assert items.mark_all(ann.id, Mark.READ) == items.Marked(10, Head(20, 0))
    assert [number for _, number in changed_since(ann, 10)] == list(range(11, 21))


@pytest.fixture
def delivered(put) -> Callable[[Recipient], UUID]:
    """Store an item of a delivery that is kept; its id."""

    def deliver(person: Recipient) -> UUID:
        [id] = put(person)
        now = timezone.now()
        Delivery.objects.create(
            id=id, notification_id=InboxItem.objects.get(id=id).notification_id,
            recipient_id=person.id, channel=IN_APP.number, step=1, lane=2, mode=1, uncertain=1,
            state=State.DELIVERED, accepted_at=now, person_changed_at=now,
        )  # fmt: skip
        return id

    return deliver


def test_reading_is_told_as_seen_and_read(ann, delivered):
    id = delivered(ann)
    items.mark(ann.id, Mark.READ, [id])
    item, told = InboxItem.objects.get(), Engagement.objects.get(id=id)
    assert told.notification_id == item.notification_id
    assert (told.seen_at, told.read_at) == (item.read_at, item.read_at)
    assert told.archived_at is None


def test_the_first_time_is_what_is_told(ann, delivered):
    id = delivered(ann)
    for change in (Mark.SEEN, Mark.READ, Mark.UNREAD, Mark.READ, Mark.ARCHIVE):
        items.mark(ann.id, change, [id])
    item, told = InboxItem.objects.get(), Engagement.objects.get(id=id)
    assert told.seen_at == item.seen_at
    assert told.seen_at < told.read_at < item.read_at
    assert told.archived_at == item.archived_at


def test_taking_a_mark_back_is_told_to_nobody(ann, delivered):
    id = delivered(ann)
    for change in (Mark.UNREAD, Mark.UNARCHIVE, Mark.UNSNOOZE):
        items.mark(ann.id, change, [id])
    assert Engagement.objects.count() == 0


def test_snoozing_is_told_as_seen(ann, delivered):
    id = delivered(ann)
    items.mark(ann.id, Mark.SNOOZE, [id], until=LATER)
    told = Engagement.objects.get(id=id)
    assert told.seen_at == InboxItem.objects.get().seen_at
    assert told.read_at is None


def test_counts_tell_every_shelf_by_category(ann, bob, put):
    first, second, third = put(ann, 3)
    put(ann, 2, category="security")
    put(bob, 7)
    items.mark(ann.id, Mark.READ, [first])
    items.mark(ann.id, Mark.ARCHIVE, [second])
    items.mark(ann.id, Mark.SNOOZE, [third], until=LATER)
    zeros = dict.fromkeys(("all", "unseen", "unread", "read", "archived", "snoozed"), 0)
    assert items.counts(ann.id) == {
        "orders": zeros | {"all": 1, "read": 1, "archived": 1, "snoozed": 1},
        "security": zeros | {"all": 2, "unseen": 2, "unread": 2},
    }


def test_counting_is_one_query(ann, put):
    put(ann, 5)
    with CaptureQueriesContext(connection) as queries:
        items.counts(ann.id)
    assert len(queries) == 1


def test_marking_costs_the_same_statements_for_one_and_for_fifty(ann, put):
    ids = put(ann, 51)
    with CaptureQueriesContext(connection) as one:
        items.mark(ann.id, Mark.READ, ids[:1])
    with CaptureQueriesContext(connection) as fifty:
        items.mark(ann.id, Mark.READ, ids[1:])
    assert len(one) == len(fifty)


def test_ids_of_nothing_are_passed_over(ann, put):
    put(ann)
    assert items.mark(ann.id, Mark.READ, [uuid7()]) == items.Marked(0, Head(1, 1))
