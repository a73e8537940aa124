"""People are subscribed to topics, many at once, and nobody's word is lost."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from delivery.models import AuditEntry
from preferences import privacy, topics, wishes
from preferences.models import Recipient, Subscription, Topic
from preferences.topics import KeyTaken, PeopleUnknown, TopicGone
from preferences.wishes import By
from tests.factories import make_recipient, make_topic, subscribe_a_crowd

pytestmark = pytest.mark.django_db

BY = {"actor": "key:ntf_ab", "source": "api"}
API = By(actor="key:ntf_ab", source="api")


def people(count: int) -> list[str]:
    return [str(make_recipient().user_id) for _ in range(count)]


def patch(person: Recipient, keys: list[str] | None) -> None:
    wishes.set_preferences(person.pk, {"topics": keys}, by=API, now=timezone.now())


def test_people_are_subscribed_once_however_often_they_are_named():
    topic, users = make_topic("roses"), people(3)

    assert topics.subscribe(topic.pk, [users[0]], **BY) == 1
    assert topics.subscribe(topic.pk, [*users, users[1]], **BY) == 2
    assert topics.subscribe(topic.pk, users, **BY) == 0

    assert topics.subscribers(topic.pk) == 3
    assert topics.set_of(Recipient.objects.get(user_id=users[2]).pk) == {"roses"}


def test_people_are_unsubscribed_and_strangers_are_passed_over():
    topic, users = make_topic(), people(3)
    topics.subscribe(topic.pk, users, **BY)

    assert topics.unsubscribe(topic.pk, [*users[:2], "nobody"], **BY) == 2
    assert topics.unsubscribe(topic.pk, users[:2], **BY) == 0

    assert [row.recipient.user_id for row in Subscription.objects.all()] == users[2:]


def test_who_is_unknown_is_named_and_nobody_is_subscribed():
    topic, users = make_topic(), people(1)

    with pytest.raises(PeopleUnknown) as refused:
        topics.subscribe(topic.pk, [*users, "nobody", "no-one"], **BY)

    assert refused.value.user_ids == {"nobody", "no-one"}
    assert topics.subscribers(topic.pk) == 0
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("change", [topics.subscribe, topics.unsubscribe])
def test_nobody_is_subscribed_to_a_topic_that_is_gone(change: Callable[..., int]):
    with pytest.raises(TopicGone):
        change(0, people(1), **BY)


@pytest.mark.parametrize("change", [topics.subscribe, topics.unsubscribe])
def test_the_number_of_queries_does_not_grow_with_people(
    change: Callable[..., int], django_assert_num_queries: Callable[..., Any]
):
    topic, users = make_topic(), people(40)
    topics.subscribe(topic.pk, users[:20], **BY)

    with django_assert_num_queries(7):  # one savepoint among them, and its end
        change(topic.pk, users, **BY)


def test_changed_at_moves_for_those_who_changed_only():
    topic, (ann, bob) = make_topic(), people(2)
    topics.subscribe(topic.pk, [ann], **BY)
    before = dict(Recipient.objects.values_list("user_id", "changed_at"))

    topics.subscribe(topic.pk, [ann, bob], **BY)

    after = dict(Recipient.objects.values_list("user_id", "changed_at"))
    assert after[ann] == before[ann]
    assert after[bob] > before[bob]


def test_the_audit_trail_has_an_entry_for_each_who_changed_without_their_user_id():
    topic, (ann, bob) = make_topic("roses"), people(2)
    topics.subscribe(topic.pk, [ann], **BY)

    topics.subscribe(topic.pk, [ann, bob], **BY)
    topics.unsubscribe(topic.pk, [bob], **BY)

    subjects = dict(Recipient.objects.values_list("user_id", "subject"))
    said = {"topic": "roses", "source": "api"}
    entries = AuditEntry.objects.order_by("id")
    assert [(one.actor, one.action, one.target, one.subject, one.detail) for one in entries] == [
        ("key:ntf_ab", "topic.subscribed", f"user:{subjects[ann]}", subjects[ann], said),
        ("key:ntf_ab", "topic.subscribed", f"user:{subjects[bob]}", subjects[bob], said),
        ("key:ntf_ab", "topic.unsubscribed", f"user:{subjects[bob]}", subjects[bob], said),
    ]


def test_a_person_replaces_all_their_topics_at_once():
    ann = make_recipient("ann")
    for key in ("roses", "ferns", "moss"):
        make_topic(key)
    patch(ann, ["roses", "ferns"])

    patch(ann, ["moss", "ferns", "moss"])

    assert topics.set_of(ann.pk) == {"ferns", "moss"}
    detail = AuditEntry.objects.latest("id").detail
    assert detail["topics"] == {"roses": False, "moss": True}


@pytest.mark.parametrize("nothing", [None, []])
def test_null_is_no_topics_as_is_an_empty_list(nothing: list[str] | None):
    ann = make_recipient()
    make_topic("roses")
    patch(ann, ["roses"])

    patch(ann, nothing)

    assert topics.set_of(ann.pk) == frozenset()


def test_saying_the_same_again_changes_nothing():
    ann = make_recipient()
    make_topic("roses")
    patch(ann, ["roses"])
    before = Recipient.objects.get().changed_at

    patch(ann, ["roses"])

    assert Recipient.objects.get().changed_at == before
    assert AuditEntry.objects.count() == 1


def test_a_topic_is_shown_as_subscribed_to_who_is():
    ann, bob = make_recipient(), make_recipient()
    for key in ("roses", "ferns"):
        make_topic(key)
    patch(ann, ["roses"])

    def seen(person: Recipient) -> dict[str, bool]:
        return {topic.key: topic.subscribed for topic in topics.seen_by(person.pk)}

    assert seen(ann) == {"ferns": False, "roses": True}
    assert seen(bob) == {"ferns": False, "roses": False}


def test_counting_stops_where_it_is_not_worth_it():
    few, many, none = make_topic(), make_topic(), make_topic()
    topics.subscribe(few.pk, people(1), **BY)
    subscribe_a_crowd(many, topics.MOST_COUNTED + 5)

    assert topics.counted([few.pk, many.pk, none.pk]) == {few.pk: 1, many.pk: 10_000, none.pk: 0}
    assert topics.subscribers(many.pk) == 10_005


def test_a_key_is_given_once():
    topics.add({"key": "roses", "name": "Roses"}, actor="test")

    with pytest.raises(KeyTaken):
        topics.add({"key": "roses", "name": "Rosen"}, actor="test")

    assert [(topic.key, topic.name) for topic in Topic.objects.all()] == [("roses", "Roses")]


def test_a_topic_goes_with_its_subscriptions_and_with_no_others():
    gone, stays, users = make_topic(), make_topic("stays"), people(2)
    topics.subscribe(gone.pk, users, **BY)
    topics.subscribe(stays.pk, users, **BY)
    before = list(Recipient.objects.order_by("id").values_list("changed_at", flat=True))

    topics.remove(gone, actor="admin:1")

    assert [topic.key for topic in Topic.objects.all()] == ["stays"]
    assert topics.subscribers(stays.pk) == Subscription.objects.count() == 2
    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.target) == ("topic.deleted", f"topic:{gone.pk}")
    assert list(Recipient.objects.order_by("id").values_list("changed_at", flat=True)) == before


def test_an_export_holds_topics_and_an_erasure_takes_them():
    ann, bob = make_recipient("ann"), make_recipient("bob")
    topic = make_topic("roses")
    topics.subscribe(topic.pk, ["ann", "bob"], **BY)

    (kept,) = privacy.export(ann.pk)["topics"]
    privacy.erase("ann", actor="test", now=timezone.now())

    assert kept["topic"] == "roses"
    assert kept["subscribed_at"] is not None
    assert [row.recipient_id for row in Subscription.objects.all()] == [bob.pk]


def test_people_of_a_topic_are_walked_by_its_unique_index():
    with connection.cursor() as cursor:
        # Which index an empty table is read by is a toss-up. These rows are of nobody.
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            "INSERT INTO topic_subscription (topic_id, recipient_id, created_at)"
            " SELECT topic, person, now() FROM generate_series(1, 5) AS topic,"
            " generate_series(1, 1000) AS person"
        )
        cursor.execute("ANALYZE topic_subscription")
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        cursor.execute(
            "EXPLAIN SELECT recipient_id FROM topic_subscription"
            " WHERE topic_id = 1 AND recipient_id > 5 ORDER BY recipient_id LIMIT 500"
        )
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert "using topic_subscription_once" in plan
    assert "Sort" not in plan


def together(*deeds: Callable[[], Any]) -> list[Any]:
    """What each deed answered, or raised; all at the same time."""
    answers: list[Any] = [None] * len(deeds)
    start = threading.Barrier(len(deeds))

    def run(index: int) -> None:
        try:
            start.wait(timeout=30)
            answers[index] = deeds[index]()
        except Exception as error:  # noqa: BLE001 - handed to the test's own thread
            answers[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[index]) for index in range(len(deeds))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@pytest.mark.django_db(transaction=True)
def test_two_who_subscribe_the_same_people_at_once_subscribe_each_once():
    topic, users = make_topic(), people(30)

    counts = together(
        lambda: topics.subscribe(topic.pk, users, **BY),
        lambda: topics.subscribe(topic.pk, users[::-1], **BY),
    )

    assert sorted(counts) == [0, 30]
    assert topics.subscribers(topic.pk) == 30
    assert AuditEntry.objects.filter(action="topic.subscribed").count() == 30


@pytest.mark.django_db(transaction=True)
def test_a_topic_that_is_removed_while_people_subscribe_leaves_nothing_behind():
    for _ in range(5):
        topic, users = make_topic(), people(5)

        removed, count = together(
            lambda topic=topic: topics.remove(topic, actor="test"),
            lambda topic=topic, users=users: topics.subscribe(topic.pk, users, **BY),
        )

        assert removed is None
        assert count == 5 or isinstance(count, TopicGone)
        assert not Subscription.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_who_subscribes_waits_for_a_removal_and_finds_the_topic_gone():
    topic, users = make_topic(), people(1)
    answers: list[Any] = []
    with transaction.atomic():
        topics.remove(topic, actor="test")
        waiting = threading.Thread(
            target=lambda: answers.extend(together(lambda: topics.subscribe(topic.pk, users, **BY)))
        )
        waiting.start()
        waiting.join(timeout=0.3)
        assert waiting.is_alive()
    waiting.join()

    assert [type(answer) for answer in answers] == [TopicGone]
    assert not Subscription.objects.exists()


def test_the_size_of_a_topic_is_exact_while_it_is_small_and_estimated_when_it_is_large() -> None:
    few, many = make_topic("few"), make_topic("many")
    subscribe_a_crowd(few, 3)
    subscribe_a_crowd(many, 3 * topics.MOST_COUNTED)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE topic_subscription")

    sizes = topics.sizes(["few", "many", "nowhere"])

    assert sizes.keys() == {"few", "many"}
    assert sizes["few"] == topics.Size(few.pk, 3)
    assert sizes["many"].id == many.pk
    assert 25_000 < sizes["many"].estimated < 35_000
    assert topics.sizes([]) == {}
