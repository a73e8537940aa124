"""One notification to somebody who is known is accepted by two statements, and is the same row."""

from datetime import UTC, datetime
from typing import Any

import pytest
from rest_framework.test import APIClient

from notifications.models import Notification, NotificationType
from notifications.planning.readers import DATA
from notifications.words import Mode, Priority
from notifysite.plumbing import crypto
from preferences.models import Recipient
from preferences.privacy import erase
from tests.factories import make_type
from tests.notifications.conftest import client_for

pytestmark = pytest.mark.django_db
URL = "/api/v1/notifications"
PLAIN = {"type": "order_shipped", "to": "ann", "data": {"number": "A-17"}}
LATER = "2999-01-01T12:00:00+02:00"
LATEST = "2999-01-02T00:00:00Z"
# What each of two requests has of its own.
OWN = ("id", "request_id", "data", "created_at", "due_at", "expires_at")


@pytest.fixture
def order_shipped(db: None) -> Any:
    return make_type(
        "order_shipped",
        priority=Priority.NORMAL,
        ttl_seconds=3600,
        words={
            "email": {"subject": "Order {{ data.number }}", "body": "<p>Soon</p>"},
            "in_app": {"title": "Order {{ data.number }}", "body": "Soon"},
        },
    )


@pytest.fixture
def ann(api: APIClient, order_shipped: Any) -> Recipient:
    """Somebody who is known, and a process that knows the type."""
    assert post(api, PLAIN).status_code == 202
    Notification.objects.all().delete()
    return Recipient.objects.get(user_id="ann")


def post(api: APIClient, body: Any, **headers: str) -> Any:
    return api.post(URL, body, format="json", headers=headers)


def made(answer: Any) -> Notification:
    assert answer.status_code == 202, answer.json()
    one = answer.json()["notifications"][0]
    return Notification.objects.get(pk=one["id"])


def columns(row: Notification) -> dict[str, Any]:
    return {
        field.name: getattr(row, field.name)
        for field in Notification._meta.fields
        if field.name not in OWN
    }


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"to": ["ann"]},
        {"to": {"user_id": "ann"}},
        {"locale": "de", "cancellation_key": "order 17"},
        {"priority": "low", "channels": ["in_app", "email"]},
        {"send_at": LATER},
        {"send_at": LATER, "expires_at": LATEST},
        {"expires_at": LATEST},
    ],
)
def test_the_row_is_the_one_that_the_general_way_makes(
    api: APIClient, ann: Recipient, django_assert_num_queries: Any, more: Any
) -> None:
    body = {**PLAIN, **more}
    with django_assert_num_queries(2):
        answer = post(api, body)
    quick, general = made(answer), made(post(api, {**body, "to": ["ann", "bob"]}))

    assert columns(quick) == columns(general)
    key = crypto.unwrap(ann.data_key)
    data = [key.decrypt(row.data, context=DATA) for row in (quick, general)]
    assert data == [b'{"number":"A-17"}'] * 2
    assert times(quick) == times(general)


def times(row: Notification) -> tuple[datetime | None, int]:
    """When it is due, where that was asked for, and for how many seconds then."""
    assert row.due_at is not None
    assert row.expires_at is not None
    due = row.due_at if row.send_at else None
    return due, round((row.expires_at - row.due_at).total_seconds())


def test_under_an_idempotency_key_it_is_one_transaction_of_three_statements(
    api: APIClient, ann: Recipient, django_assert_num_queries: Any
) -> None:
    key = {"Idempotency-Key": "k"}
    with django_assert_num_queries(3 + 2):  # and the savepoint of a test
        answer = post(api, PLAIN, **key)

    row = made(answer)
    assert made(post(api, PLAIN, **key)) == row
    assert post(api, {**PLAIN, "data": {}}, **key).status_code == 422
    assert Notification.objects.count() == 1


def test_a_refusal_leaves_an_idempotency_key_free(api: APIClient, ann: Recipient) -> None:
    key = {"Idempotency-Key": "k"}
    assert post(api, {**PLAIN, "data": {}}, **key).status_code == 422

    assert post(api, PLAIN, **key).status_code == 202


def test_a_test_key_writes_its_mode(order_shipped: Any, ann: Recipient) -> None:
    row = made(post(client_for(Mode.TEST), PLAIN))

    assert row.mode == Mode.TEST


def test_a_type_that_changed_is_seen_at_once(api: APIClient, ann: Recipient) -> None:
    NotificationType.objects.filter(key="order_shipped").update(
        data_schema={"type": "object", "required": ["sum"]}
    )

    answer = post(api, PLAIN)

    assert (answer.status_code, answer.json()["code"]) == (422, "data_invalid")
    assert not Notification.objects.exists()


def test_a_type_that_was_renamed_is_unknown(api: APIClient, ann: Recipient) -> None:
    NotificationType.objects.filter(key="order_shipped").update(key="order_sent")

    answer = post(api, PLAIN)

    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_type")


def test_who_was_erased_is_somebody_new(api: APIClient, ann: Recipient) -> None:
    erase("ann", actor="test", now=datetime.now(UTC))

    row = made(post(api, PLAIN))

    assert row.recipient_id != ann.pk
    assert Recipient.objects.get(user_id="ann").pk == row.recipient_id


def test_what_is_refused_leaves_nothing(api: APIClient, ann: Recipient) -> None:
    answer = post(api, {**PLAIN, "data": {}})

    assert (answer.status_code, answer.json()["code"]) == (422, "missing_variable")
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/data/number"]
    assert not Notification.objects.exists()
