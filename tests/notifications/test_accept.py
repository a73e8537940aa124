"""POST /api/v1/notifications: what is taken, what is refused and how, and what a repeat gives."""

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections
from rest_framework.test import APIClient

from notifications import nudges
from notifications.models import IdempotencyKey, Notification
from notifications.words import Lane, Mode, Priority
from preferences.models import Address, Recipient
from tests.factories import make_category, make_service, make_type
from tests.fakes.scripted import Ledger
from tests.notifications.conftest import client_for

pytestmark = pytest.mark.django_db
URL = "/api/v1/notifications"


@pytest.fixture
def order_shipped(db: None) -> Any:
    return make_type(
        "order_shipped",
        category=make_category("orders"),
        data_schema={
            "type": "object",
            "properties": {"number": {"type": "string", "maxLength": 20}},
            "required": ["number"],
            "additionalProperties": True,
        },
        words={
            "email": {"subject": "Order {{ data.number }}", "body": "<p>{{ data.shop.name }}</p>"},
            "in_app": {"title": "Order {{ data.number }}", "body": "Soon"},
        },
    )


GOOD: dict[str, Any] = {
    "type": "order_shipped",
    "to": {"user_id": "ann", "email": "ann@example.com"},
    "data": {"number": "A-17", "shop": {"name": "Acme"}},
}


def post(api: APIClient, body: Any, **headers: str) -> Any:
    return api.post(URL, body, format="json", headers=headers)


def refused(answer: Any) -> tuple[int, str, list[tuple[str, str]]]:
    """Status, code and faults of a problem document, which must be a whole one."""
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert set(body) == {"type", "title", "status", "detail", "code", "errors"}
    assert body["status"] == answer.status_code
    assert body["title"]
    assert body["detail"]
    assert Notification.objects.count() == 0
    assert Recipient.objects.count() == 0
    assert IdempotencyKey.objects.count() == 0
    return (
        answer.status_code,
        body["code"],
        [(one["pointer"], one["code"]) for one in body["errors"]],
    )


# What is wrong with the body, and what the answer says of it.
BAD: list[tuple[str, dict[str, Any], int, str, list[tuple[str, str]]]] = [
    ("no type", {"type": None}, 422, "validation_failed", [("/type", "null")]),
    ("unknown type", {"type": "nope"}, 422, "unknown_type", [("/type", "unknown_type")]),
    ("unknown field", {"colour": 1}, 422, "validation_failed", [("/colour", "unknown_field")]),
    ("nobody", {"to": []}, 422, "bad_recipient", [("/to", "required")]),
    ("a number", {"to": 5}, 422, "bad_recipient", [("/to", "invalid_type")]),
    ("blanks", {"to": "  "}, 422, "bad_recipient", [("/to", "invalid_character")]),
    (
        "blanks in a list",
        {"to": ["a", "  "]},
        422,
        "bad_recipient",
        [("/to/1", "invalid_character")],
    ),
    (
        "no user id",
        {"to": {"email": "a@example.com"}},
        422,
        "bad_recipient",
        [("/to/user_id", "required")],
    ),
    (
        "bad email",
        {"to": {"user_id": "a", "email": "a@b@c"}},
        422,
        "bad_recipient",
        [("/to/email", "invalid_address")],
    ),
    (
        "two emails",
        {"to": {"user_id": "a", "email": "a@x.org, b@x.org"}},
        422,
        "bad_recipient",
        [("/to/email", "invalid_address")],
    ),
    (
        "bad phone",
        {"to": {"user_id": "a", "phone": "12"}},
        422,
        "bad_recipient",
        [("/to/phone", "invalid_address")],
    ),
    (
        "bad zone",
        {"to": {"user_id": "a", "timezone": "Mars"}},
        422,
        "bad_recipient",
        [("/to/timezone", "unknown_timezone")],
    ),
    (
        "bad locale",
        {"to": {"user_id": "a", "locale": "?"}},
        422,
        "bad_recipient",
        [("/to/locale", "invalid_locale")],
    ),
    (
        "unknown person field",
        {"to": {"user_id": "a", "fax": "1"}},
        422,
        "bad_recipient",
        [("/to/fax", "unknown_field")],
    ),
    (
        "one bad of two",
        {"to": ["a", {"user_id": "b", "email": "x"}]},
        422,
        "bad_recipient",
        [("/to/1/email", "invalid_address")],
    ),
    (
        "twice the same",
        {"to": ["a", "a"]},
        422,
        "duplicate_recipient",
        [("/to/1", "duplicate_recipient")],
    ),
    ("a segment", {"to": {"segment": "news"}}, 422, "audience_unavailable", []),
    ("no topic", {"to": {"topic": "news"}}, 422, "unknown_topic", [("/to/topic", "unknown_topic")]),
    ("no key", {"to": {"topic": 5}}, 422, "bad_recipient", [("/to/topic", "invalid_type")]),
    (
        "a topic and more",
        {"to": {"topic": "news", "user_id": "a"}},
        422,
        "bad_recipient",
        [("/to/user_id", "unknown_field")],
    ),
    (
        "a topic among people",
        {"to": ["a", {"topic": "news"}]},
        422,
        "bad_recipient",
        [("/to/1/user_id", "required"), ("/to/1/topic", "unknown_field")],
    ),
    (
        "unknown channel",
        {"channels": ["fax"]},
        422,
        "validation_failed",
        [("/channels/0", "unknown_channel")],
    ),
    ("no channels", {"channels": []}, 422, "validation_failed", [("/channels", "empty")]),
    (
        "no such step",
        {"channels": ["sms"]},
        422,
        "channel_without_step",
        [("/channels", "channel_without_step")],
    ),
    (
        "priority raised",
        {"priority": "critical"},
        422,
        "priority_raised",
        [("/priority", "priority_raised")],
    ),
    (
        "unknown priority",
        {"priority": "asap"},
        422,
        "validation_failed",
        [("/priority", "invalid_choice")],
    ),
    ("no date", {"send_at": "soon"}, 422, "validation_failed", [("/send_at", "invalid")]),
    (
        "a date that never comes",
        {"send_at": "9999-12-31T23:59:59Z"},
        422,
        "validation_failed",
        [("/send_at", "too_far")],
    ),
    (
        "expired",
        {"expires_at": "2020-01-01T00:00:00Z"},
        422,
        "expired_already",
        [("/expires_at", "expired_already")],
    ),
    ("no object", {"data": [1]}, 422, "validation_failed", [("/data", "not_a_dict")]),
    (
        "schema",
        {"data": {"number": 5, "shop": {"name": "x"}}},
        422,
        "data_invalid",
        [("/data/number", "type")],
    ),
    (
        "lacking",
        {"data": {"shop": {"name": "x"}}},
        422,
        "data_invalid",
        [("/data/number", "required")],
    ),
    (
        "missing variable",
        {"data": {"number": "1"}},
        422,
        "missing_variable",
        [("/data/shop/name", "missing_variable")],
    ),
    (
        "too much data",
        {"data": {"number": "1", "shop": {"name": "x" * 70_000}}},
        422,
        "data_invalid",
        [("/data", "too_large")],
    ),
]


@pytest.mark.parametrize(
    ("body", "status", "code", "faults"), [row[1:] for row in BAD], ids=[row[0] for row in BAD]
)
def test_what_is_wrong_is_named_and_nothing_is_written(
    api: APIClient,
    order_shipped: Any,
    body: dict[str, Any],
    status: int,
    code: str,
    faults: list[tuple[str, str]],
) -> None:
    assert refused(post(api, {**GOOD, **body}, **{"Idempotency-Key": "k"})) == (
        status,
        code,
        faults,
    )


RAW = [
    (b"{", 400, "malformed_json"),
    (b'{"type": "a", "type": "b"}', 400, "duplicate_key"),
    (b"[" * 100_000, 400, "too_deep"),
    (b'{"data": {"x": NaN}}', 400, "not_finite"),
    (b'{"data": {"x": 1e400}}', 400, "not_finite"),
    (b'{"data": {"x": "\\u0000"}}', 400, "bad_character"),
    (b'{"data": {"x": "\\ud800"}}', 400, "bad_character"),
    (b'{"data": "' + b"x" * (2 * 1024 * 1024) + b'"}', 413, "body_too_large"),
]


@pytest.mark.parametrize(("raw", "status", "code"), RAW, ids=[str(row[0][:24]) for row in RAW])
def test_json_that_is_not_clean_is_refused_at_the_door(
    api: APIClient, order_shipped: Any, raw: bytes, status: int, code: str
) -> None:
    answer = api.post(URL, raw, content_type="application/json")

    assert refused(answer)[:2] == (status, code)


def test_another_content_type_is_refused(api: APIClient) -> None:
    answer = api.post(URL, "type=x", content_type="application/x-www-form-urlencoded")

    assert refused(answer)[:2] == (415, "unsupported_media_type")


def test_without_a_key_nobody_sends(order_shipped: Any) -> None:
    answer = post(APIClient(), GOOD)

    assert refused(answer)[:2] == (401, "not_authenticated")
    assert answer["WWW-Authenticate"] == "Bearer"


def test_send_takes_user_id_in_both_spellings(api: APIClient, order_shipped: Any) -> None:
    for name in ("userId", "user_id", "to"):
        body = {"type": "order_shipped", name: "ann", "data": GOOD["data"]}
        answer = api.post(f"{URL}/send", body, format="json")
        assert answer.status_code == 202, answer.content
    assert Notification.objects.count() == 3


def test_send_refuses_two_names_for_the_recipient(api: APIClient, order_shipped: Any) -> None:
    answer = api.post(f"{URL}/send", {**GOOD, "userId": "bo"}, format="json")

    assert refused(answer) == (
        422,
        "validation_failed",
        [("/to", "conflict"), ("/userId", "conflict")],
    )


def test_accepting_makes_people_and_changes_only_what_was_said(
    api: APIClient, order_shipped: Any
) -> None:
    post(api, GOOD)
    post(api, {**GOOD, "to": {"user_id": "ann", "locale": "de"}})

    ann = Recipient.objects.get()
    assert (ann.user_id, ann.locale) == ("ann", "de")
    assert Address.objects.filter(retired_at=None).count() == 1


def test_what_is_stored_is_unreadable_without_the_persons_key(
    api: APIClient, order_shipped: Any
) -> None:
    post(api, GOOD)

    stored = bytes(Notification.objects.get().data or b"") + bytes(Address.objects.get().value)
    assert b"A-17" not in stored
    assert b"ann@example.com" not in stored


@pytest.mark.parametrize(
    ("kind", "asked", "priority", "lane"),
    [
        ({}, None, Priority.NORMAL, Lane.DEFAULT),
        ({}, "low", Priority.LOW, Lane.BULK),
        ({"priority": Priority.CRITICAL}, None, Priority.CRITICAL, Lane.CRITICAL),
        ({"priority": Priority.CRITICAL}, "normal", Priority.NORMAL, Lane.DEFAULT),
    ],
)
def test_the_priority_chooses_the_lane(
    api: APIClient, kind: Any, asked: str | None, priority: Priority, lane: Lane
) -> None:
    make_type("order_shipped", **kind)
    body = {"type": "order_shipped", "to": "ann"} | ({"priority": asked} if asked else {})
    assert post(api, body).status_code == 202

    row = Notification.objects.get()
    assert (row.priority, row.lane) == (priority, lane)


def test_marketing_never_rides_the_critical_lane(api: APIClient) -> None:
    make_type(
        "order_shipped",
        category=make_category(kind=3),
        priority=Priority.CRITICAL,
        words={
            "in_app": {"title": "Sale", "body": "Now"},
        },
        steps=[{"channel": "in_app"}],
    )
    post(api, {"type": "order_shipped", "to": "ann"})

    assert Notification.objects.get().lane == Lane.BULK


def test_the_type_s_time_to_live_bounds_the_expiry(api: APIClient) -> None:
    make_type("order_shipped", ttl_seconds=600)
    later = datetime.now(UTC) + timedelta(days=1)
    post(api, {"type": "order_shipped", "to": "ann", "expires_at": later.isoformat()})

    expires_at = Notification.objects.get().expires_at
    assert expires_at is not None
    assert expires_at < datetime.now(UTC) + timedelta(seconds=601)


def test_the_same_key_and_body_give_the_first_answer(api: APIClient, order_shipped: Any) -> None:
    first = post(api, GOOD, **{"Idempotency-Key": "order-17"})
    again = post(api, GOOD, **{"Idempotency-Key": '"order-17"'})  # RFC 8941 quotes

    assert (first.status_code, again.status_code) == (202, 202)
    assert again.content == first.content
    assert "Idempotency-Replayed" not in first
    assert again["Idempotency-Replayed"] == "true"
    assert Notification.objects.count() == 1


def test_a_replay_needs_nothing_of_what_has_changed_since(
    api: APIClient, order_shipped: Any
) -> None:
    first = post(api, GOOD, **{"Idempotency-Key": "k"})
    order_shipped.data_schema = {"type": "object", "required": ["unheard_of"]}
    order_shipped.save()

    assert post(api, GOOD, **{"Idempotency-Key": "k"}).content == first.content


def test_key_order_in_the_body_does_not_matter(api: APIClient, order_shipped: Any) -> None:
    post(api, GOOD, **{"Idempotency-Key": "k"})
    again = post(api, dict(reversed(GOOD.items())), **{"Idempotency-Key": "k"})

    assert again["Idempotency-Replayed"] == "true"


def test_the_same_key_with_another_body_is_refused(api: APIClient, order_shipped: Any) -> None:
    post(api, GOOD, **{"Idempotency-Key": "k"})
    other = post(api, {**GOOD, "to": "bo"}, **{"Idempotency-Key": "k"})

    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert Notification.objects.count() == 1


def test_keys_of_other_services_and_of_test_mode_are_apart(order_shipped: Any) -> None:
    service = make_service()
    for client in (
        client_for(Mode.LIVE, service),
        client_for(Mode.TEST, service),
        client_for(Mode.LIVE),
    ):
        answer = post(client, GOOD, **{"Idempotency-Key": "k"})
        assert "Idempotency-Replayed" not in answer
    assert Notification.objects.count() == 3


def test_a_rotated_key_still_finds_the_first_answer(order_shipped: Any) -> None:
    service = make_service()
    first = post(client_for(Mode.LIVE, service), GOOD, **{"Idempotency-Key": "k"})
    again = post(client_for(Mode.LIVE, service), GOOD, **{"Idempotency-Key": "k"})

    assert again.content == first.content


@pytest.mark.parametrize("key", ["", '""', "x" * 256, "tab\there", "ü"])
def test_a_malformed_idempotency_key_is_refused(
    api: APIClient, order_shipped: Any, key: str
) -> None:
    assert refused(post(api, GOOD, **{"Idempotency-Key": key}))[:2] == (400, "bad_idempotency_key")


@pytest.mark.django_db(transaction=True)
def test_the_same_key_at_once_is_one_notification(provider: Ledger) -> None:
    """64 at a time: each gets the first answer or hears that it is under way."""
    make_type("order_shipped")
    client = client_for(Mode.LIVE)
    token = client._credentials["HTTP_AUTHORIZATION"]
    answers: list[Any] = []

    def call() -> None:
        own = APIClient()
        own.credentials(HTTP_AUTHORIZATION=token)
        try:
            for _ in range(8):
                body = {"type": "order_shipped", "to": "ann"}
                answers.append(post(own, body, **{"Idempotency-Key": "once"}))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=call) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert Notification.objects.count() == 1
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) <= {202, 409}
    assert len({answer.content for answer in answers if answer.status_code == 202}) == 1
    assert all(answer["Retry-After"] == "1" for answer in answers if answer.status_code == 409)


@pytest.mark.django_db(transaction=True)
def test_while_the_first_is_running_a_repeat_is_told_to_wait(api: APIClient) -> None:
    make_type("order_shipped")
    body = {"type": "order_shipped", "to": "ann"}
    first = post(api, body, **{"Idempotency-Key": "slow"})
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM idempotency_key")
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        """Another request that has taken the key and has not committed yet."""
        from django.db import transaction

        from notifications.services.idempotency import Use, take

        row = Notification.objects.get(id=first.json()["notifications"][0]["id"])
        use = Use(row.service_id, False, "notifications", "slow", b"f")
        try:
            with transaction.atomic():
                take(use, status=202, answer={})
                held.set()
                done.wait(10)
                transaction.set_rollback(True)
        finally:
            connections.close_all()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(10)
    answer = post(api, body, **{"Idempotency-Key": "slow"})
    done.set()
    thread.join()

    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_in_flight")
    assert answer["Retry-After"] == "1"


def test_a_nudge_is_asked_for_only_after_commit(
    api: APIClient,
    order_shipped: Any,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    nudged: list[Lane] = []
    monkeypatch.setattr(nudges, "nudge", lambda *lanes: nudged.extend(lanes))
    with django_capture_on_commit_callbacks(execute=True):
        post(api, GOOD)
        assert nudged == []

    assert nudged == [Lane.DEFAULT]


@pytest.mark.parametrize("people", [1, 50])
def test_accepting_costs_a_fixed_number_of_queries(
    api: APIClient, order_shipped: Any, django_assert_num_queries: Any, people: int
) -> None:
    body = {
        **GOOD,
        "to": [{"user_id": f"u{n}", "email": f"u{n}@example.com"} for n in range(people)],
    }
    post(api, body)  # the people are there from now on

    with django_assert_num_queries(6):
        assert post(api, body, **{"Idempotency-Key": "k"}).status_code == 202
