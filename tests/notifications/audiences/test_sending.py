"""A send to a topic, or to a long list, reaches each of its people."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from rest_framework.test import APIClient

from delivery.lifecycle import Reason, State
from delivery.models import Delivery
from notifications import story
from notifications.audiences import expand
from notifications.models import Audience, AudienceMember, Decision, Notification
from notifications.planning import plan
from notifications.words import AudienceStatus, Lane, Mode, Priority, Status
from notifysite.plumbing import ids
from preferences import topics
from preferences.models import Recipient, Topic
from tests.factories import make_category, make_topic, make_type
from tests.fakes.scripted import Ledger
from tests.notifications.audiences.rows import (
    LONG,
    TOPIC,
    URL,
    Run,
    Send,
    leave,
    per_person,
    subjects,
)
from tests.notifications.conftest import client_for

pytestmark = pytest.mark.django_db


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
