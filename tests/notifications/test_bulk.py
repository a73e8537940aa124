"""POST /api/v1/notifications/bulk: different requests in one call, each for itself."""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from notifications import nudges
from notifications.models import IdempotencyKey, Notification
from notifications.words import Lane, Mode, Priority
from preferences.models import Recipient
from tests.factories import make_key, make_service, make_type
from tests.fakes.scripted import Ledger
from tests.notifications.conftest import client_for

pytestmark = pytest.mark.django_db
URL = "/api/v1/notifications/bulk"
ANN = {"user_id": "ann", "email": "ann@example.com"}
BO = {"user_id": "bo", "email": "bo@example.com"}


@pytest.fixture
def types(db: None) -> None:
    steps = [{"channel": "email"}]
    make_type("shipped", steps=steps)
    make_type("urgent", steps=steps, priority=Priority.CRITICAL)


def item(to: Any = ANN, type: str = "shipped", **more: Any) -> dict[str, Any]:
    return {"type": type, "to": to, **more}


def post(api: APIClient, *items: Any, **headers: str) -> list[dict[str, Any]]:
    answer = api.post(URL, {"notifications": list(items)}, format="json", headers=headers)
    assert answer.status_code == 202, answer.content
    results: list[dict[str, Any]] = answer.json()["results"]
    assert len(results) == len(items)
    return results


def statuses(results: list[dict[str, Any]]) -> list[str]:
    return [result["status"] for result in results]


def test_each_request_leaves_as_it_would_alone(
    api: APIClient, types: None, provider: Ledger, run: Callable[[], int]
) -> None:
    later = datetime.now(UTC) + timedelta(days=1)
    results = post(
        api,
        item(ANN),
        item([ANN, BO], type="urgent", locale="de"),
        item("bo", send_at=later.isoformat(), cancellation_key="trip-7", channels=["email"]),
    )
    run()

    assert statuses(results) == ["accepted"] * 3
    assert [[one["user_id"] for one in result["notifications"]] for result in results] == [
        ["ann"],
        ["ann", "bo"],
        ["bo"],
    ]
    assert len({result["request_id"] for result in results}) == 3
    assert Counter(message.address for message in provider.taken) == {
        "ann@example.com": 2,
        "bo@example.com": 1,
    }
    waiting = Notification.objects.get(id=results[2]["notifications"][0]["id"])
    assert (waiting.send_at, waiting.due_at) == (later, later)
    assert (waiting.cancellation_key, waiting.channels, waiting.lane) == ("trip-7", [1], 2)
    urgent = Notification.objects.get(id=results[1]["notifications"][0]["id"])
    assert (urgent.lane, urgent.locale, urgent.channels) == (Lane.CRITICAL, "de", None)


def test_what_is_wrong_with_one_sinks_no_other(api: APIClient, types: None) -> None:
    results = post(
        api,
        item(BO),
        item(ANN, type="unheard_of"),
        "no object",
        item({"user_id": "cy", "email": "nobody"}),
        item(ANN, idempotency_key=7),
        item(ANN, idempotency_key=""),
        item(ANN, subject="Hello"),
        item(ANN),
    )

    assert statuses(results) == ["accepted", *["error"] * 6, "accepted"]
    problems = [result["error"] for result in results[1:7]]
    assert [problem["code"] for problem in problems] == [
        "unknown_type",
        "validation_failed",
        "bad_recipient",
        "validation_failed",
        "bad_idempotency_key",
        "validation_failed",
    ]
    assert [fault["pointer"] for problem in problems for fault in problem["errors"]] == [
        "/type",
        "",
        "/to/email",
        "/idempotency_key",
        "/subject",
    ]
    assert sorted(Recipient.objects.values_list("user_id", flat=True)) == ["ann", "bo"]
    assert Notification.objects.count() == 2


def test_somebody_who_would_become_too_large_sinks_only_what_names_them(
    api: APIClient, types: None
) -> None:
    text = "x" * 16_300
    post(api, item({**ANN, "attributes": {"one": text}}))
    post(api, item({**ANN, "attributes": {"more": "y" * 300}}))
    results = post(
        api,
        item(BO, idempotency_key="1"),
        item({**ANN, "attributes": {"two": text}}, idempotency_key="2"),
        item(BO, actor="ann"),
    )

    assert statuses(results) == ["accepted", "error", "error"]
    assert results[1]["error"]["errors"][0]["pointer"] == "/attributes"
    assert list(IdempotencyKey.objects.values_list("key", flat=True)) == ["1"]


def test_under_its_key_a_request_is_taken_once(api: APIClient, types: None) -> None:
    first = post(api, item(ANN, idempotency_key="a"), item(BO, idempotency_key="b"))
    again = post(api, item(BO, idempotency_key="b"), item(BO), item(ANN, idempotency_key="a"))

    assert statuses(first) == ["accepted", "accepted"]
    assert statuses(again) == ["duplicate", "accepted", "duplicate"]
    assert again[0]["notifications"] == first[1]["notifications"]
    assert again[2]["request_id"] == first[0]["request_id"]
    assert Notification.objects.count() == 3


def test_twice_in_one_call_is_once_too(api: APIClient, types: None) -> None:
    results = post(
        api,
        item(ANN, idempotency_key="a"),
        item(ANN, idempotency_key="a"),
        item(BO, idempotency_key="a"),
        item(ANN, type="unheard_of", idempotency_key="b"),
        item(ANN, type="unheard_of", idempotency_key="b"),
    )

    assert statuses(results) == ["accepted", "duplicate", "error", "error", "error"]
    assert results[1]["request_id"] == results[0]["request_id"]
    assert [result["error"]["code"] for result in results[2:]] == [
        "idempotency_mismatch",
        "unknown_type",
        "unknown_type",
    ]
    assert Notification.objects.count() == 1


def test_a_key_that_was_used_for_another_request_is_an_error_of_that_one(
    api: APIClient, types: None
) -> None:
    post(api, item(ANN, idempotency_key="a"))
    results = post(api, item(BO, idempotency_key="a"), item(BO))

    assert statuses(results) == ["error", "accepted"]
    assert results[0]["error"]["code"] == "idempotency_mismatch"


def test_a_repeat_needs_nothing_of_what_has_changed_since(api: APIClient, types: None) -> None:
    expires = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    soon = item(ANN, idempotency_key="a", expires_at=expires)
    first = post(api, soon)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(1.1)")
    again = post(api, soon, {**soon, "idempotency_key": "b"})

    assert statuses(again) == ["duplicate", "error"]
    assert again[0]["request_id"] == first[0]["request_id"]
    assert again[1]["error"]["code"] == "expired_already"


def test_an_error_takes_no_key(api: APIClient, types: None) -> None:
    wrong = post(api, item(ANN, type="new", idempotency_key="a"))
    make_type("new", steps=[{"channel": "email"}])
    right = post(api, item(ANN, type="new", idempotency_key="a"))

    assert statuses(wrong + right) == ["error", "accepted"]


def test_the_whole_call_can_have_a_key(api: APIClient, types: None) -> None:
    items = (item(ANN), item(ANN, type="unheard_of"), item(BO, idempotency_key="b"))
    first = post(api, *items, **{"Idempotency-Key": "call-1"})
    again = api.post(
        URL,
        {"notifications": list(items)},
        format="json",
        headers={"Idempotency-Key": "call-1"},
    )
    other = api.post(
        URL, {"notifications": [item(BO)]}, format="json", headers={"Idempotency-Key": "call-1"}
    )

    assert again.json()["results"] == first
    assert again["Idempotency-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert Notification.objects.count() == 2


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ([], "/notifications"),
        ({}, "/notifications"),
        ({"notifications": []}, "/notifications"),
        ({"notifications": "all"}, "/notifications"),
        ({"notifications": [item()] * 1001}, "/notifications"),
        ({"notifications": [item()], "type": "shipped"}, "/type"),
    ],
)
def test_what_is_no_list_of_requests_is_refused(api: APIClient, body: Any, pointer: str) -> None:
    answer = api.post(URL, body, format="json")

    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]


def test_nobody_names_more_than_ten_thousand_people_at_once(api: APIClient, types: None) -> None:
    crowd = item([f"u{number}" for number in range(1000)])
    answer = api.post(URL, {"notifications": [*[crowd] * 10, item()]}, format="json")

    assert (answer.status_code, answer.json()["code"]) == (422, "too_many_recipients")
    assert "10,001 people" in answer.json()["detail"]
    assert not Notification.objects.exists()


def test_a_test_key_changes_nobody(types: None) -> None:
    service = make_service()
    post(client_for(Mode.LIVE, service), item({**ANN, "locale": "de"}))
    results = post(
        client_for(Mode.TEST, service), item({**ANN, "locale": "en"}), item({**BO, "locale": "fr"})
    )

    assert statuses(results) == ["accepted", "accepted"]
    assert dict(Recipient.objects.values_list("user_id", "locale")) == {"ann": "de", "bo": "fr"}


def test_without_the_scope_nobody_sends(types: None) -> None:
    assert APIClient().post(URL, {"notifications": [item()]}, format="json").status_code == 401


def test_each_lane_is_nudged_once_and_only_after_commit(
    api: APIClient, types: None, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks() as callbacks:
        post(api, item(ANN), item(BO), item(ANN, type="urgent"))
    asked = [callback.args for callback in callbacks if callback.func is nudges.nudge]
    assert sorted(asked) == [(Lane.CRITICAL,), (Lane.DEFAULT,)]


def queries(api: APIClient, *items: Any) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert set(statuses(post(api, *items))) == {"accepted"}
    return len(captured)


def test_a_thousand_requests_cost_as_many_queries_as_two(api: APIClient, types: None) -> None:
    def many(number: int, tag: str) -> list[dict[str, Any]]:
        return [
            item(
                {"user_id": f"{tag}-{n}", "email": f"{tag}-{n}@example.com"},
                idempotency_key=f"{tag}-{n}",
            )
            for n in range(number)
        ]

    queries(api, *many(1, "warm"))
    assert queries(api, *many(1000, "many")) == queries(api, *many(2, "few"))


@pytest.mark.django_db(transaction=True)
def test_the_same_calls_at_once_make_each_notification_once(provider: Ledger) -> None:
    make_type("shipped", steps=[{"channel": "email"}])
    clients, found = [APIClient() for _ in range(6)], list[list[dict[str, Any]]]()
    secret = make_key(mode=Mode.LIVE).secret
    people = [{"user_id": f"u{n}", "email": f"u{n}@example.com"} for n in range(40)]
    items = [item(person, idempotency_key=f"k{n}") for n, person in enumerate(people)]
    together = threading.Barrier(6)

    def call(number: int) -> None:
        clients[number].credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
        together.wait()
        try:
            found.append(post(clients[number], *(items if number % 2 else reversed(items))))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=call, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    said = Counter(status for results in found for status in statuses(results))
    assert said == {"accepted": 40, "duplicate": 200}
    assert Notification.objects.count() == 40
    assert len({one["request_id"] for results in found for one in results}) == 40
