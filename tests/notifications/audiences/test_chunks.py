"""Each chunk is made whole or not at all, whoever is killed."""

import threading
import time
from collections import Counter
from datetime import UTC, datetime

import pytest
from django.db import connection, connections

from notifications.audiences import expand
from notifications.models import Audience, Notification
from notifications.words import AudienceStatus, Lane
from notifysite.plumbing import claims
from tests.e2e.processes import process
from tests.factories import make_topic, subscribe_a_crowd
from tests.notifications.audiences.rows import (
    audience,
    crowd,
    make_all,
    per_person,
)

pytestmark = pytest.mark.django_db


def test_chunks_leave_nobody_out_and_take_nobody_twice(db: None) -> None:
    topic = crowd(23)
    row = audience(topic_id=topic.pk)
    made = []
    while Audience.objects.get().status != AudienceStatus.DONE:
        made.append(expand.expand_due(Lane.BULK, chunk=5))

    assert made == [5, 5, 5, 5, 3]
    assert per_person() == Counter(topic.subscriptions.values_list("recipient_id", flat=True))
    row.refresh_from_db()
    assert (row.made, row.due_at) == (23, None)
    found = Notification.objects.values_list("id", flat=True)
    counters = Counter(id_.int >> 64 & 0xFFF for id_ in found)
    assert counters == {0: 5, 1: 5, 2: 5, 3: 5, 4: 3}


def test_a_large_audience_holds_up_no_small_one(db: None) -> None:
    large, small = make_topic(), make_topic()
    subscribe_a_crowd(large, 20)
    subscribe_a_crowd(small, 4)
    audience(topic_id=large.pk)
    audience(topic_id=small.pk)
    for _ in range(2):
        expand.expand_due(Lane.BULK, chunk=5)

    assert list(Audience.objects.order_by("id").values_list("made", flat=True)) == [5, 4]


EXPAND = """
import django
django.setup()
from notifications.audiences import expand
from notifications.words import Lane
while expand.expand_due(Lane.BULK, chunk=7):
    pass
"""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("point", ["audience.before_commit", "audience.committed"])
def test_a_crash_between_chunks_costs_nothing_and_doubles_nothing(point: str) -> None:
    topic = crowd(30)
    audience(topic_id=topic.pk)
    for passes in (1, 2):
        failpoint = f"{point}=exit@{passes}"
        with process("-c", EXPAND, NOTIFYSITE_FAILPOINTS=failpoint) as dying:
            assert dying.wait(60) == 9
    with process("-c", EXPAND) as last:
        assert last.wait(60) == 0

    assert per_person() == Counter(topic.subscriptions.values_list("recipient_id", flat=True))
    assert Audience.objects.get().made == 30


@pytest.mark.django_db(transaction=True)
def test_kills_at_any_time_cost_nothing_and_double_nothing() -> None:
    topic = crowd(2_000)
    audience(topic_id=topic.pk)
    for _ in range(3):
        before, until = Audience.objects.get().made, time.monotonic() + 30
        with process("-c", EXPAND):
            while Audience.objects.get().made == before and time.monotonic() < until:
                time.sleep(0.001)
        # The end of the block killed it, wherever it was.
    assert 0 < Notification.objects.count() == Audience.objects.get().made
    make_all(500)

    assert per_person() == Counter(topic.subscriptions.values_list("recipient_id", flat=True))


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_make_no_duplicates(db: None) -> None:
    topic = crowd(300)
    audience(topic_id=topic.pk)

    def work() -> None:
        try:
            while Audience.objects.exclude(status=AudienceStatus.DONE).exists():
                expand.expand_due(Lane.BULK, chunk=20)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert per_person() == Counter(topic.subscriptions.values_list("recipient_id", flat=True))


BREAK = """
CREATE FUNCTION break_one() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.priority = 1 THEN RAISE EXCEPTION 'broken'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER break_one BEFORE INSERT ON notification FOR EACH ROW EXECUTE FUNCTION break_one();
"""


def test_one_that_cannot_be_made_holds_up_no_other() -> None:
    topic = crowd(3)
    broken = audience(topic_id=topic.pk, priority=1)
    audience(topic_id=topic.pk)
    with connection.cursor() as cursor:
        cursor.execute(BREAK)
    made = [expand.expand_due(Lane.BULK) for _ in range(3)]

    assert made == [0, 3, 0]
    broken.refresh_from_db()
    assert broken.due_at is not None
    assert (broken.status, broken.due_at > datetime.now(UTC)) == (AudienceStatus.ACCEPTED, True)


def test_a_chunk_is_found_by_indexes(db: None) -> None:
    topic = crowd(3)
    subscribe_a_crowd(make_topic("elsewhere"), 500)  # on an empty table any index looks as good
    audience(topic_id=topic.pk)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE topic_subscription")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN " + expand._TAKE, {"lane": 3})
        taking = "\n".join(line for (line,) in cursor.fetchall())
        values = {"topic": topic.pk, "cursor": 0, "chunk": 10}
        cursor.execute(claims.IN_ORDER.strip())
        cursor.execute("EXPLAIN " + expand._SUBSCRIBERS, values)
        reading = "\n".join(line for (line,) in cursor.fetchall())
    assert "audience_due" in taking
    assert "Sort" not in taking
    assert "topic_subscription_once" in reading
    assert "Sort" not in reading
