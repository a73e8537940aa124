"""A send to a topic, or to a long list, becomes one notification for each of its people."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command
from django.db import connection, connections
from rest_framework.test import APIClient

from delivery.lifecycle import OutcomeKind, Reason, State
from delivery.models import Delivery
from notifications import housekeeping, retention, story
from notifications.audiences import data, expand
from notifications.intake import withdraw
from notifications.models import Audience, AudienceMember, Decision, Notification
from notifications.planning import plan, secrets
from notifications.services import own
from notifications.words import AudienceStatus, Lane, Mode, Priority, Status
from notifysite.plumbing import claims, ids
from notifysite.plumbing.crypto import generate_master_key
from preferences import privacy, topics
from preferences.models import Recipient, Topic
from tests.e2e.processes import process
from tests.factories import make_category, make_recipient, make_topic, make_type, subscribe_a_crowd
from tests.fakes.scripted import Ledger
from tests.notifications.conftest import client_for

pytestmark = pytest.mark.django_db
URL = "/api/v1/notifications"
LONG = 1001
Run = Callable[[], int]
Send = Callable[..., dict[str, Any]]


@pytest.fixture
def gardeners(db: None) -> Topic:
    """A topic to which ann and bob are subscribed."""
    topic = make_topic("gardening_tips")
    for user_id in ("ann", "bob"):
        make_recipient(user_id, email=f"{user_id}@example.com")
    subscribe(topic, "ann", "bob")
    return topic


@pytest.fixture
def tip(db: None) -> Any:
    return make_type(
        "tip",
        steps=[{"channel": "email"}],
        words={"email": {"subject": "{{ data.plant }} for {{ data.who }}", "body": "<p>Hi</p>"}},
    )


@pytest.fixture
def send(api: APIClient) -> Send:
    """Send a tip; gives the answer."""

    def post(to: Any, **body: Any) -> dict[str, Any]:
        said = {"type": "tip", "to": to, "data": {"plant": "Roses", "who": "all"}, **body}
        answer = api.post(URL, said, format="json")
        assert answer.status_code == 202, answer.content
        return dict(answer.json())

    return post


TOPIC = {"topic": "gardening_tips"}


def subscribe(topic: Topic, *user_ids: str) -> None:
    topics.subscribe(topic.pk, user_ids, actor="test", source="import")


def leave(topic: Topic, *user_ids: str) -> None:
    topics.unsubscribe(topic.pk, user_ids, actor="test", source="person")


def crowd(size: int) -> Topic:
    topic = make_topic("crowd")
    subscribe_a_crowd(topic, size)
    return topic


def audience(**values: Any) -> Audience:
    """One as it is written at the door, without a request."""
    request_id = ids.uuid7()
    said = {
        "request_id": request_id, "service_id": 1, "key_id": 1, "type_id": 1, "mode": Mode.LIVE,
        "priority": Priority.LOW, "lane": Lane.BULK, "kind": 1, "estimated": 0,
        "due_at": datetime.now(UTC),
    }  # fmt: skip
    return Audience.objects.create(**{**said, **values})


def subjects(provider: Ledger) -> list[str]:
    return sorted(message.content.subject for message in provider.taken)


def per_person() -> Counter[int]:
    """How many notifications each person has."""
    return Counter(Notification.objects.values_list("recipient_id", flat=True))


def test_a_topic_reaches_each_of_its_subscribers(
    send: Send, tip: Any, gardeners: Topic, provider: Ledger, run: Run, api: APIClient
) -> None:
    said = send(TOPIC)
    run()

    assert set(said) == {"request_id", "audience", "url"}
    assert said["audience"] == {
        "kind": "topic", "topic": "gardening_tips", "estimated": 2, "status": "accepted",
    }  # fmt: skip
    assert sorted(message.address for message in provider.taken) == [
        "ann@example.com", "bob@example.com",
    ]  # fmt: skip
    assert set(subjects(provider)) == {"Roses for all"}
    shown = api.get(said["url"]).json()
    assert (shown["status"], shown["notifications"], shown["type"]) == ("done", 2, "tip")
    assert shown["request_id"] == said["request_id"]
    assert shown["done_at"] is not None


def test_its_notifications_are_of_one_request_and_of_one_millisecond(
    send: Send, tip: Any, gardeners: Topic, provider: Ledger, run: Run, api: APIClient
) -> None:
    request_id = UUID(send(TOPIC)["request_id"])
    send("ann")
    run()

    listed = api.get(URL, {"request_id": str(request_id)}).json()["results"]
    assert {one["user_id"] for one in listed} == {"ann", "bob"}
    found = [UUID(one["id"]) for one in listed]
    assert {ids.milliseconds(id_) for id_ in found} == {ids.milliseconds(request_id)}
    assert {(id_.version, id_.variant) for id_ in found} == {(7, request_id.variant)}


def test_a_long_list_reaches_each_of_its_people_with_what_is_theirs(
    send: Send, tip: Any, provider: Ledger, run: Run
) -> None:
    people: list[Any] = [f"u{number}" for number in range(LONG)]
    people[7] = {"user_id": "ann", "email": "ann@example.com", "data": {"who": "Ann"}}
    people[9] = {"user_id": "bob", "email": "bob@example.com"}
    said = send(people)
    run()

    assert said["audience"] == {"kind": "list", "estimated": LONG, "status": "accepted"}
    assert subjects(provider) == ["Roses for Ann", "Roses for all"]
    assert set(per_person().values()) == {1}
    assert len(per_person()) == LONG
    assert not AudienceMember.objects.exists()


def test_what_all_have_in_common_is_kept_once_and_unreadable(
    send: Send, tip: Any, gardeners: Topic, run: Run
) -> None:
    send(TOPIC)
    expand.expand_due(Lane.BULK)

    assert set(Notification.objects.values_list("data", flat=True)) == {None}
    assert b"Roses" not in bytes(Audience.objects.get().data or b"")


def test_an_audience_never_stands_before_a_code(send: Send, gardeners: Topic, run: Run) -> None:
    make_type("tip", steps=[{"channel": "email"}], priority=Priority.CRITICAL)
    send(TOPIC)
    expand.expand_due(Lane.BULK)

    found = set(Notification.objects.values_list("lane", "priority"))
    assert found == {(Lane.BULK, Priority.CRITICAL)}


def test_an_empty_topic_is_done_with_nobody(send: Send, tip: Any, run: Run, api: APIClient) -> None:
    make_topic("gardening_tips")
    said = send(TOPIC)
    run()

    shown = api.get(said["url"]).json()
    assert (shown["status"], shown["estimated"], shown["notifications"]) == ("done", 0, 0)


def test_variables_are_missed_at_the_door(api: APIClient, tip: Any, gardeners: Topic) -> None:
    people: list[Any] = [{"user_id": f"u{n}", "data": {"who": str(n)}} for n in range(LONG)]

    def post(to: Any) -> Any:
        body = {"type": "tip", "to": to, "data": {"plant": "Roses"}}
        return api.post(URL, body, format="json")

    for to in (TOPIC, [*people, "without"]):
        answer = post(to)
        assert (answer.status_code, answer.json()["code"]) == (422, "missing_variable")
    assert post(people).status_code == 202


def test_the_same_key_gives_the_first_answer(api: APIClient, tip: Any, gardeners: Topic) -> None:
    body = {"type": "tip", "to": TOPIC, "data": {"plant": "Roses", "who": "all"}}
    first = api.post(URL, body, format="json", headers={"Idempotency-Key": "k"})
    leave(gardeners, "bob")
    topics.remove(gardeners, actor="test")
    again = api.post(URL, body, format="json", headers={"Idempotency-Key": "k"})

    assert (first.status_code, again.status_code) == (202, 202)
    assert again.content == first.content
    assert again["Idempotency-Replayed"] == "true"
    assert Audience.objects.count() == 1


def test_a_bulk_item_may_name_a_topic_but_no_long_list(
    api: APIClient, tip: Any, gardeners: Topic, provider: Ledger, run: Run
) -> None:
    data = {"plant": "Roses", "who": "all"}
    items = [
        {"type": "tip", "to": TOPIC, "data": data, "idempotency_key": "one"},
        {"type": "tip", "to": "ann", "data": data},
        {"type": "tip", "to": [f"u{number}" for number in range(LONG)], "data": data},
        {"type": "tip", "to": {"topic": "nowhere"}, "data": data},
        {"type": "tip", "to": TOPIC, "data": data, "idempotency_key": "one"},
    ]
    answer = api.post(f"{URL}/bulk", {"notifications": items}, format="json").json()["results"]
    again = api.post(f"{URL}/bulk", {"notifications": items[:1]}, format="json").json()["results"]
    run()

    assert [one["status"] for one in answer] == [
        "accepted", "accepted", "error", "error", "duplicate",
    ]  # fmt: skip
    assert [one["error"]["code"] for one in answer[2:4]] == ["too_many_recipients", "unknown_topic"]
    assert {**answer[0], "status": "duplicate"} == answer[4] == again[0]
    assert answer[0]["audience"]["estimated"] == 2
    assert len(provider.taken) == 3


def test_another_service_does_not_see_it(
    send: Send, tip: Any, gardeners: Topic, provider: Ledger
) -> None:
    url = send(TOPIC)["url"]
    other = client_for(Mode.LIVE)
    assert other.get(url).status_code == 404
    assert other.post(f"{url}/cancel").status_code == 404
    assert Audience.objects.get().status == AudienceStatus.ACCEPTED


def test_it_waits_for_its_time(
    send: Send, tip: Any, gardeners: Topic, provider: Ledger, run: Run
) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    send(TOPIC, send_at=later.isoformat())
    run()
    assert not Notification.objects.exists()

    Audience.objects.update(due_at=datetime.now(UTC), send_at=datetime.now(UTC))
    run()
    assert len(provider.taken) == 2


def test_it_lives_as_long_as_its_type_says_from_the_door_on(
    send: Send, gardeners: Topic, provider: Ledger, run: Run
) -> None:
    make_type("tip", steps=[{"channel": "email"}], ttl_seconds=60)
    send(TOPIC)
    gone = datetime.now(UTC) - timedelta(seconds=1)
    Audience.objects.update(expires_at=gone)
    run()

    assert provider.taken == []
    assert set(Notification.objects.values_list("status", flat=True)) == {Status.EXPIRED}


def test_a_test_key_touches_nobody(tip: Any, gardeners: Topic, provider: Ledger, run: Run) -> None:
    tester = client_for(Mode.TEST)
    people = [{"user_id": "ann", "name": "Mallory"}, *(f"u{number}" for number in range(LONG))]
    for to in (TOPIC, people):
        body = {"type": "tip", "to": to, "data": {"plant": "Roses", "who": "all"}}
        assert tester.post(URL, body, format="json").status_code == 202
    before = Recipient.objects.get(user_id="ann").profile
    run()

    assert before is None
    assert provider.taken == []
    assert Delivery.objects.filter(mode=Mode.TEST).count() == 3


def test_a_team_key_reaches_only_guests(
    tip: Any, gardeners: Topic, provider: Ledger, run: Run
) -> None:
    body = {"type": "tip", "to": TOPIC, "data": {"plant": "Roses", "who": "all"}}
    assert client_for(Mode.TEAM).post(URL, body, format="json").status_code == 202
    run()

    assert provider.taken == []
    (decision,) = Decision.objects.all()
    assert decision.body[0]["reason"] == "not_on_guest_list"


def test_whoever_left_before_planning_is_skipped_and_told_why(
    send: Send, tip: Any, gardeners: Topic, provider: Ledger, run: Run, api: APIClient
) -> None:
    send(TOPIC)
    expand.expand_due(Lane.BULK)
    leave(gardeners, "bob")
    run()

    assert [message.address for message in provider.taken] == ["ann@example.com"]
    (bob,) = api.get(URL, {"user_id": "bob"}).json()["results"]
    (step,) = bob["decision"]
    assert (step["outcome"], step["reason"], step["source"]) == (
        "skip", "not_subscribed", "subscription",
    )  # fmt: skip
    (said,) = [one.text for one in story.tell(UUID(bob["id"])) if one.kind == "decided"]
    assert "is not subscribed to the topic" in said


def test_whoever_left_after_planning_is_spared_by_the_last_look(
    send: Send, tip: Any, gardeners: Topic, provider: Ledger, run: Run
) -> None:
    send(TOPIC)
    expand.expand_due(Lane.BULK)
    plan.plan_due(Lane.BULK)
    leave(gardeners, "bob")
    run()

    assert [message.address for message in provider.taken] == ["ann@example.com"]
    reasons = Delivery.objects.exclude(state=State.SENT).values_list("reason", flat=True)
    assert list(reasons) == [Reason.NOT_SUBSCRIBED]


def test_a_send_to_one_person_asks_for_no_subscription(
    send: Send, tip: Any, gardeners: Topic, provider: Ledger, run: Run
) -> None:
    leave(gardeners, "bob")
    send("bob")
    run()
    assert [message.address for message in provider.taken] == ["bob@example.com"]


def test_an_expression_sees_what_is_common_and_what_is_ones_own(
    send: Send, provider: Ledger, run: Run
) -> None:
    condition = {"all": [
        {"path": "data.plant", "is": "eq", "value": "Roses"},
        {"path": "data.who", "is": "eq", "value": "Ann"},
    ]}  # fmt: skip
    step = {"channel": "email", "condition": 4, "expression": condition}
    make_type("tip", steps=[step])
    people: list[Any] = [{"user_id": f"u{n}", "email": f"u{n}@example.com"} for n in range(LONG)]
    people[3] |= {"data": {"who": "Ann"}}
    send(people)
    run()

    assert [message.address for message in provider.taken] == ["u3@example.com"]


# Each chunk, whole or not at all


def make_all(size: int = 5) -> None:
    while expand.expand_due(Lane.BULK, chunk=size):
        pass


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


def test_a_chunk_is_found_by_indexes(db: None) -> None:
    topic = crowd(3)
    audience(topic_id=topic.pk)
    with connection.cursor() as cursor:
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


# Taking it back


def test_what_is_cancelled_before_it_begins_is_never_made(
    send: Send, tip: Any, gardeners: Topic, provider: Ledger, run: Run, api: APIClient
) -> None:
    url = send(TOPIC)["url"]
    answer = api.post(f"{url}/cancel")
    run()

    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert api.post(f"{url}/cancel").status_code == 200
    assert not Notification.objects.exists()
    assert Audience.objects.get().due_at is None


def test_a_cancelled_list_forgets_its_people(
    send: Send, tip: Any, run: Run, api: APIClient
) -> None:
    url = send([f"u{number}" for number in range(LONG)])["url"]
    api.post(f"{url}/cancel")
    assert AudienceMember.objects.count() == LONG
    run()

    assert not AudienceMember.objects.exists()
    assert not Notification.objects.exists()


def test_what_is_cancelled_half_way_takes_back_what_was_made(
    send: Send, tip: Any, gardeners: Topic, provider: Ledger, run: Run, api: APIClient
) -> None:
    url = send(TOPIC)["url"]
    expand.expand_due(Lane.BULK, chunk=1)
    plan.plan_due(Lane.BULK)
    assert Delivery.objects.count() == 1
    api.post(f"{url}/cancel")
    run()

    assert provider.taken == []
    (one,) = api.get(URL).json()["results"]
    assert one["status"] == "cancelled"
    assert [row["status"] for row in one["deliveries"]] == ["cancelled"]
    assert api.get(url).json()["notifications"] == 1
    (told,) = [entry.text for entry in story.tell(UUID(one["id"])) if entry.kind == "cancelled"
               and "audience" in entry.text]  # fmt: skip
    assert told == "Cancelled on request, with its whole audience."


def test_many_are_taken_back_in_batches(
    db: None, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    topic = crowd(30)
    caller = own.caller()
    row = audience(topic_id=topic.pk, service_id=caller.service_id)
    make_all()
    monkeypatch.setattr(withdraw, "BATCH", 7)

    assert withdraw.cancel_audience(row.request_id, caller=caller)
    taken = []
    while Audience.objects.get().due_at:
        taken.append(withdraw.withdraw_due(Lane.BULK))
    assert taken == [7, 7, 7, 7, 2]
    assert set(Notification.objects.values_list("status", flat=True)) == {Status.CANCELLED}


def test_planning_and_the_last_look_obey_a_cancel_before_the_rows_say_so(
    send: Send, tip: Any, gardeners: Topic, provider: Ledger, run: Run, api: APIClient
) -> None:
    url = send(TOPIC)["url"]
    expand.expand_due(Lane.BULK)
    plan.plan_due(Lane.BULK, limit=1)
    api.post(f"{url}/cancel")
    Audience.objects.update(due_at=None)  # nobody comes to take them back
    run()

    assert provider.taken == []
    assert set(Notification.objects.values_list("status", flat=True)) == {Status.CANCELLED}
    assert list(Delivery.objects.values_list("state", "reason")) == [
        (State.CANCELLED, Reason.CANCELLED)
    ]


def test_what_has_all_left_cannot_be_cancelled(
    send: Send, tip: Any, gardeners: Topic, provider: Ledger, run: Run, api: APIClient
) -> None:
    url = send(TOPIC)["url"]
    run()
    answer = api.post(f"{url}/cancel")

    assert (answer.status_code, answer.json()["code"]) == (409, "not_cancellable")
    assert api.get(url).json()["status"] == "done"


def test_what_waits_of_one_that_is_done_is_taken_back(
    send: Send, gardeners: Topic, provider: Ledger, run: Run, api: APIClient
) -> None:
    make_type("tip", steps=[{"channel": "in_app"}, {"channel": "email", "wait_seconds": 3600}])
    url = send(TOPIC)["url"]
    run()
    assert api.get(url).json()["status"] == "done"
    assert api.post(f"{url}/cancel").json()["status"] == "cancelled"
    run()

    assert set(Notification.objects.values_list("status", flat=True)) == {Status.CANCELLED}
    assert set(Delivery.objects.values_list("state", flat=True)) == {State.DELIVERED}


def test_a_cancellation_key_names_audiences_too(
    send: Send, tip: Any, gardeners: Topic, provider: Ledger, run: Run, api: APIClient
) -> None:
    send(TOPIC, cancellation_key="spring")
    send("ann", cancellation_key="spring")
    answer = api.post(f"{URL}/cancel", {"cancellation_key": "spring"}, format="json").json()
    run()

    assert (answer["cancelled"], answer["not_cancellable"]) == (1, 0)
    assert [one["status"] for one in answer["audiences"]] == ["cancelled"]
    assert provider.taken == []


def test_some_people_of_an_audience_can_be_spared_once_all_are_made(
    send: Send, tip: Any, gardeners: Topic, provider: Ledger, run: Run, api: APIClient
) -> None:
    send(TOPIC, cancellation_key="spring")
    body = {"cancellation_key": "spring", "user_ids": ["bob"]}
    early = api.post(f"{URL}/cancel", body, format="json")
    expand.expand_due(Lane.BULK)
    late = api.post(f"{URL}/cancel", body, format="json")
    run()

    assert (early.status_code, early.json()["code"]) == (409, "audience_expanding")
    assert early["Retry-After"] == "5"
    assert (late.json()["cancelled"], late.json()["audiences"]) == (1, [])
    assert [message.address for message in provider.taken] == ["ann@example.com"]


# What is kept, and for how long


def test_an_export_holds_what_is_common_too_and_what_is_to_come(
    send: Send, tip: Any, gardeners: Topic, run: Run
) -> None:
    send(TOPIC)
    expand.expand_due(Lane.BULK)
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    people = [{"user_id": "ann", "data": {"who": "Ann"}}, *(f"u{n}" for n in range(LONG))]
    send(people, send_at=later)
    ann = Recipient.objects.get(user_id="ann")

    parts = privacy.gather(ann.pk, now=datetime.now(UTC))

    assert [one["data"] for one in parts["notifications"]] == [{"plant": "Roses", "who": "all"}]
    assert [one["data"] for one in parts["expected"]] == [{"plant": "Roses", "who": "Ann"}]


def test_who_is_erased_gets_nothing_of_what_is_to_come(
    send: Send, tip: Any, gardeners: Topic, provider: Ledger, run: Run
) -> None:
    send(TOPIC)
    people = [{"user_id": "ann", "data": {"who": "Ann"}}, *(f"u{n}" for n in range(LONG))]
    send(people)
    privacy.erase("ann", actor="test", now=datetime.now(UTC))
    run()

    assert [message.address for message in provider.taken] == ["bob@example.com"]
    assert Audience.objects.order_by("id").last().made == LONG  # type: ignore[union-attr]


def test_its_key_moves_to_a_new_master_key(send: Send, tip: Any, settings: Any, run: Run) -> None:
    make_topic("gardening_tips")
    send(TOPIC)
    settings.FIELD_ENCRYPTION_KEYS = [NEW_KEY, *settings.FIELD_ENCRYPTION_KEYS]
    call_command("rotate_keys", stdout=StringIO())
    settings.FIELD_ENCRYPTION_KEYS = [NEW_KEY]
    row = Audience.objects.get()
    assert data.load([row.pk])[row.pk].data == {"plant": "Roses", "who": "all"}


NEW_KEY = f"new:{generate_master_key()}"
SECRET = {
    "type": "object",
    "properties": {"plant": {"type": "string", "x-sensitive": True}, "who": {"type": "string"}},
}


def test_secrets_of_an_audience_are_forgotten_once_nobody_can_get_them_any_more(
    send: Send, gardeners: Topic, provider: Ledger, run: Run
) -> None:
    make_type("tip", steps=[{"channel": "email"}], data_schema=SECRET)
    provider.script = [OutcomeKind.ACCEPTED, OutcomeKind.REFUSED_MESSAGE]
    send(TOPIC)
    housekeeping.keep()
    assert Audience.objects.get().data is not None  # not made yet
    expand.expand_due(Lane.BULK)
    plan.plan_due(Lane.BULK)
    housekeeping.keep()
    assert Audience.objects.get().data is not None  # not sent yet
    run()
    housekeeping.keep()

    row = Audience.objects.get()
    assert (row.data, row.data_key, row.secret) == (None, None, False)


def test_secrets_stay_while_a_dead_letter_may_be_sent_again(
    send: Send, gardeners: Topic, provider: Ledger, run: Run
) -> None:
    make_type("tip", steps=[{"channel": "email"}], data_schema=SECRET, ttl_seconds=600)
    send(TOPIC)
    run()
    Delivery.objects.filter(recipient_id=Recipient.objects.get(user_id="bob").pk).update(
        state=State.DEAD
    )
    for _ in range(2):
        secrets.sweep(1)
    assert Audience.objects.get().data is not None

    Delivery.objects.update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    for _ in range(3):
        secrets.sweep(1)
    assert Audience.objects.get().data is None


def test_what_is_no_secret_stays(
    send: Send, tip: Any, gardeners: Topic, provider: Ledger, run: Run
) -> None:
    send(TOPIC)
    run()
    housekeeping.keep()
    assert Audience.objects.get().data is not None


OLD = datetime(2020, 3, 11, tzinfo=UTC)
NOW = datetime(2021, 4, 2, tzinfo=UTC)  # of 13 full months before it March 2020 is the first


def test_an_audience_leaves_with_its_month(settings: Any) -> None:
    settings.RETENTION_MONTHS = 1
    old = ids.uuid7(int(OLD.timestamp() * 1000))
    audience(request_id=old, due_at=None, status=AudienceStatus.DONE)
    waiting = audience(request_id=ids.uuid7(int(OLD.timestamp() * 1000)))
    young = audience(due_at=None, status=AudienceStatus.DONE)
    assert retention.sweep(NOW)["audiences"] == 1
    assert set(Audience.objects.all()) == {waiting, young}


def test_an_audience_that_is_not_made_yet_keeps_its_month(settings: Any) -> None:
    from notifysite.plumbing import partitions

    settings.RETENTION_MONTHS = 1
    partitions.ensure_months(OLD)
    audience(request_id=ids.uuid7(int(OLD.timestamp() * 1000)))
    stays = {str(one.month): one.stays for one in retention.look(NOW)}
    assert stays["2020-03"].startswith("1 audience is still open")


def test_one_person_at_a_time_is_explained(api: APIClient, tip: Any, gardeners: Topic) -> None:
    body = {"type": "tip", "to": TOPIC, "data": {"plant": "Roses", "who": "all"}}
    answer = api.post("/api/v1/explain", body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_recipient")
    assert "one person at a time" in answer.json()["detail"]


def test_who_may_use_a_marketing_topic_is_asked_as_ever(
    send: Send, gardeners: Topic, provider: Ledger, run: Run
) -> None:
    make_type("tip", steps=[{"channel": "in_app"}], category=make_category(kind=3))
    send(TOPIC)
    run()
    assert not Delivery.objects.exists()
    assert Decision.objects.get().body[0]["reason"] == "no_consent"
