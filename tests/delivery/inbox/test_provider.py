"""Storing messages in inboxes: once each, numbered without gaps, whatever happens meanwhile."""

import threading
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from django.db import connection, connections
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from delivery.contracts import Action, Content
from delivery.inbox import content
from delivery.inbox.provider import Inbox
from delivery.lifecycle import OutcomeKind
from delivery.models import InboxHead, InboxItem
from notifysite.plumbing.crypto import unwrap
from preferences.models import Recipient


def kinds(outcomes):
    return [outcome.kind for outcome in outcomes]


def numbers(person):
    return list(
        InboxItem.objects.filter(recipient_id=person.id)
        .order_by("seq")
        .values_list("seq", flat=True)
    )


def test_a_message_is_stored_and_answered_as_delivered(ann, inbox, message_to):
    message = message_to(ann, priority=2, expires_at=datetime(2100, 1, 1, tzinfo=UTC))
    [outcome] = inbox.send([message])
    item = InboxItem.objects.get()
    assert (outcome.reference, outcome.kind) == (message.reference, OutcomeKind.DELIVERED)
    assert (item.id, item.notification_id) == (message.reference, message.notification)
    assert (item.recipient_id, item.seq, item.changed_seq) == (ann.id, 1, 1)
    assert (item.category, item.type, item.priority) == ("orders", "order_shipped", 2)
    assert item.expires_at == datetime(2100, 1, 1, tzinfo=UTC)
    assert [item.seen_at, item.read_at, item.archived_at, item.snoozed_until] == [None] * 4


def test_what_is_said_is_encrypted_for_this_person_and_this_item(ann, bob, inbox, message_to):
    said = Content(
        title="Grüße",
        text="Your parcel 日本",
        url="https://shop.test/1",
        image="https://shop.test/1.png",
        icon="parcel",
        actions=(Action(label="Track", url="https://shop.test/track"),),
    )
    list(inbox.send([message_to(ann, content=said)]))
    item = InboxItem.objects.get()
    assert b"parcel" not in bytes(item.content)
    assert content.unseal(item.content, unwrap(ann.data_key), item.id) == {
        "title": "Grüße",
        "body": "Your parcel 日本",
        "url": "https://shop.test/1",
        "image": "https://shop.test/1.png",
        "icon": "parcel",
        "actions": [{"label": "Track", "url": "https://shop.test/track"}],
    }
    assert content.unseal(item.content, unwrap(bob.data_key), item.id)["title"] == ""


def test_a_message_handed_over_again_is_delivered_but_stored_once(ann, inbox, message_to):
    first, second = message_to(ann, "one"), message_to(ann, "two")
    assert kinds(inbox.send([first])) == [OutcomeKind.DELIVERED]
    assert kinds(inbox.send([first, second, second])) == [OutcomeKind.DELIVERED] * 3
    assert list(InboxItem.objects.order_by("seq").values_list("id", "seq")) == [
        (first.reference, 1),
        (second.reference, 2),
    ]
    assert InboxHead.objects.get(recipient_id=ann.id).seq == 2


def test_each_person_has_numbers_of_their_own(ann, bob, inbox, message_to):
    list(inbox.send([message_to(person) for person in (ann, bob, ann, bob, ann)]))
    assert numbers(ann) == [1, 2, 3]
    assert numbers(bob) == [1, 2]


def test_an_erased_person_gets_nothing_and_the_others_all(ann, bob, inbox, message_to):
    Recipient.objects.filter(id=ann.id).update(
        data_key=None, user_id=None, erased_at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    outcomes = list(inbox.send([message_to(ann), message_to(bob)]))
    assert kinds(outcomes) == [OutcomeKind.REFUSED_MESSAGE, OutcomeKind.DELIVERED]
    assert outcomes[0].code == "erased"
    assert numbers(ann) == []
    assert numbers(bob) == [1]


def test_a_flight_costs_the_same_statements_for_one_and_for_fifty(ann, bob, inbox, message_to):
    with CaptureQueriesContext(connection) as one:
        list(inbox.send([message_to(ann)]))
    with CaptureQueriesContext(connection) as fifty:
        list(inbox.send([message_to(person) for person in (ann, bob) for _ in range(25)]))
    assert len(one) == len(fifty)


def test_a_message_whose_key_is_gone_waits_for_the_operator(ann, inbox, message_to, settings):
    settings.FIELD_ENCRYPTION_KEYS = ["other:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="]
    [outcome] = inbox.send([message_to(ann)])
    assert (outcome.kind, outcome.code) == (OutcomeKind.ACCOUNT, "KeyMissing")
    assert InboxItem.objects.count() == 0


def test_a_message_that_cannot_be_stored_is_refused_alone(ann, inbox, message_to):
    too_long, good = message_to(ann, category="c" * 81), message_to(ann)
    refused, delivered = inbox.send([too_long, good])
    assert (refused.kind, refused.code) == (OutcomeKind.REFUSED_MESSAGE, "DataError")
    assert delivered.kind == OutcomeKind.DELIVERED
    assert list(InboxItem.objects.values_list("id", "seq")) == [(good.reference, 1)]


@pytest.mark.django_db(transaction=True)
def test_a_flight_is_tried_again_when_the_database_gave_up(ann, inbox, message_to):
    message = message_to(ann)
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
    try:
        [outcome] = inbox.send([message])
    finally:
        connection.close()
    assert (outcome.kind, outcome.code) == (OutcomeKind.TRANSIENT, "InternalError")
    assert kinds(inbox.send([message])) == [OutcomeKind.DELIVERED]
    assert numbers(ann) == [1]


@pytest.mark.django_db(transaction=True)
def test_eight_senders_at_once_leave_no_gap_and_no_double(ann, bob, message_to):
    rounds = [
        [message_to(person) for person in ((ann, bob) if n % 2 else (bob, ann)) for _ in range(5)]
        for n in range(80)
    ]
    failures = []

    def deliver(mine):
        try:
            for messages in mine:
                outcomes = Inbox("inbox").send(messages)
                failures.extend(kind for kind in kinds(outcomes) if kind != OutcomeKind.DELIVERED)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=deliver, args=(rounds[n::8],)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert numbers(ann) == list(range(1, 401))
    assert numbers(bob) == list(range(1, 401))
    assert InboxItem.objects.exclude(changed_seq=F("seq")).count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_reader_never_meets_a_number_before_a_lower_one(ann, message_to):
    """What a client read up to a number must be all there ever is up to it."""
    stop = threading.Event()
    heads_met = []

    def read():
        try:
            while not stop.is_set():
                heads_met.append(numbers(ann))
        finally:
            connections.close_all()

    def write():
        try:
            for _ in range(20):
                list(Inbox("inbox").send([message_to(ann)]))
        finally:
            connections.close_all()

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write) for _ in range(4)]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    reader.join()
    assert all(met == list(range(1, len(met) + 1)) for met in heads_met)
    assert all(len(one) <= len(other) for one, other in pairwise(heads_met))
    assert numbers(ann) == list(range(1, 81))
