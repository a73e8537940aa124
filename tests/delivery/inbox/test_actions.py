"""An action of an item is done once; the item, the story and the rooms above know of it."""

from datetime import datetime

import pytest
from django.utils import timezone

from delivery.channels import IN_APP
from delivery.contracts import Action, Change, Content
from delivery.inbox import heads
from delivery.inbox.heads import Head
from delivery.lifecycle import EventKind, State
from delivery.models import Announcement, Delivery, Engagement, Event, InboxItem

pytestmark = pytest.mark.django_db

LIST = "/api/v1/inbox"
ASK = Content(
    title="Ann asks for a day off",
    actions=(
        Action(label="Approve", url="https://hr.test/1/yes"),
        Action(label="Refuse", url="https://hr.test/1/no"),
    ),
)


def done(client, id, index):
    return client.post(f"{LIST}/{id}/actions/{index}/done")


@pytest.fixture
def asked(ann, put):
    """An item with two actions, whose delivery is kept."""
    [id] = put(ann, content=ASK)
    now = timezone.now()
    Delivery.objects.create(
        id=id, notification_id=InboxItem.objects.get(id=id).notification_id, recipient_id=ann.id,
        channel=IN_APP.number, step=1, lane=2, mode=1, uncertain=1, state=State.DELIVERED,
        provider="inbox", accepted_at=now, person_changed_at=now,
    )  # fmt: skip
    return id


def test_the_item_shows_which_was_done_when_and_by_whom(ann, asked, client_of):
    before = client_of(ann).get(f"{LIST}/{asked}").json()["actions"]
    answer = done(client_of(ann), asked, 1)

    assert [(one["done_at"], one["done_by"]) for one in before] == [(None, None)] * 2
    assert answer.status_code == 200
    approve, refuse = answer.json()["actions"]
    assert approve == {"label": "Approve", "url": "https://hr.test/1/yes",
                       "done_at": None, "done_by": None}  # fmt: skip
    assert (refuse["label"], refuse["done_by"]) == ("Refuse", "recipient")
    read_at = InboxItem.objects.get().read_at
    assert datetime.fromisoformat(refuse["done_at"]) == read_at
    assert client_of(ann).get(LIST).json()["results"] == [answer.json()]


def test_whoever_did_it_has_seen_and_read_it(ann, asked, client_of):
    done(client_of(ann), asked, 0)

    item, told = InboxItem.objects.get(), Engagement.objects.get()
    assert item.seen_at == item.read_at == told.seen_at == told.read_at
    assert heads.read_one(ann.id) == Head(2, 0)


def test_a_second_time_changes_and_tells_nothing(ann, asked, client_of):
    first = done(client_of(ann), asked, 0)
    told = list(Announcement.objects.values_list("id", flat=True))
    second = done(client_of(ann), asked, 0)

    assert second.status_code == 200
    assert second.json() == first.json()
    assert heads.read_one(ann.id) == Head(2, 0)
    assert Event.objects.count() == 1
    assert list(Announcement.objects.values_list("id", flat=True)) == told


def test_each_action_can_be_done(ann, asked, client_of):
    done(client_of(ann), asked, 0)
    both = done(client_of(ann), asked, 1).json()["actions"]

    assert [one["done_by"] for one in both] == ["recipient"] * 2
    assert sorted(Event.objects.values_list("code", flat=True)) == ["0", "1"]


def test_it_is_kept_as_an_event_and_announced_with_its_number(ann, asked, client_of):
    done(client_of(ann), asked, 1)

    event = Event.objects.get()
    assert (event.delivery_id, event.kind, event.code, event.detail, event.provider) == (
        asked, EventKind.ACTED, "1", "recipient", "inbox",
    )  # fmt: skip
    changes = [change for row in Announcement.objects.order_by("id") for change in row.changes]
    place = Change._fields.index("acted")
    assert [change[place] for change in changes] == [None, 1]  # read, and done


def test_what_is_not_kept_any_more_is_done_all_the_same(ann, put, client_of):
    [id] = put(ann, content=ASK)

    assert done(client_of(ann), id, 0).status_code == 200
    assert (Event.objects.count(), Announcement.objects.count()) == (0, 0)


def test_an_action_that_is_not_there_is_named(ann, asked, client_of):
    answer = done(client_of(ann), asked, 2)

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer.json()["detail"] == "This item has 2 actions, counted from 0."
    assert InboxItem.objects.get().done is None


def test_an_item_of_another_does_not_exist(bob, asked, client_of):
    answer = done(client_of(bob), asked, 0)

    assert answer.status_code == 404
    assert InboxItem.objects.get().done is None


def test_nobody_does_anything_without_a_token(asked, client):
    assert client.post(f"{LIST}/{asked}/actions/0/done").status_code == 401
