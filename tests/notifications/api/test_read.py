"""What a service sees of what it sent."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from delivery import feedback
from delivery.lifecycle import EventKind
from delivery.models import Delivery
from notifications.models import Notification
from notifysite.plumbing import ids
from tests.factories import make_type
from tests.fakes.scripted import Ledger

pytestmark = pytest.mark.django_db
URL = "/api/v1/notifications"
Send = Callable[..., list[str]]
Run = Callable[[], int]

FIELDS = [
    "id", "request_id", "type", "user_id", "status", "priority", "created_at", "send_at",
    "expires_at", "decision", "deliveries",
]  # fmt: skip
DELIVERY_FIELDS = [
    "id", "channel", "status", "reason", "provider", "attempts", "due_at", "sent_at",
    "delivered_at", "opened_at", "clicked_at", "seen_at", "read_at",
]  # fmt: skip


def found(client: APIClient, **query: Any) -> list[str]:
    answer = client.get(URL, query)
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


def test_a_notification_has_exactly_the_fields_of_the_contract(
    shop: APIClient, send: Send, provider: Ledger, run: Run
) -> None:
    (id_,) = send("ann", send_at="2026-01-01T10:00:00Z")
    run()

    body = shop.get(f"{URL}/{id_}").json()

    assert list(body) == FIELDS
    assert (body["id"], body["type"], body["user_id"]) == (id_, "order_shipped", "ann")
    assert (body["status"], body["priority"]) == ("done", "normal")
    assert body["send_at"] == "2026-01-01T10:00:00Z"
    assert body["decision"] == [
        {
            "step": step,
            "channel": channel,
            "outcome": "send",
            "reason": None,
            "until": None,
            "source": "default",
        }
        for step, channel in ((1, "email"), (2, "in_app"))
    ]
    assert [list(row) for row in body["deliveries"]] == [DELIVERY_FIELDS] * 2
    email, in_app = body["deliveries"]
    assert (email["status"], email["provider"], email["attempts"]) == ("sent", "scripted", 1)
    assert (in_app["status"], in_app["provider"]) == ("delivered", "inbox")
    assert email["sent_at"].endswith("Z")
    assert (email["delivered_at"], email["due_at"], email["reason"]) == (None, None, None)


def test_before_it_is_planned_nothing_is_decided(shop: APIClient, send: Send) -> None:
    (id_,) = send("ann")
    body = shop.get(f"{URL}/{id_}").json()
    assert (body["status"], body["decision"], body["deliveries"]) == ("accepted", [], [])


def test_what_a_person_did_is_on_the_delivery(
    shop: APIClient, send: Send, provider: Ledger, run: Run
) -> None:
    (id_,) = send("ann")
    run()
    row = Delivery.objects.get(channel=5)
    feedback.engage([(row.id, row.notification_id, row.recipient_id)], EventKind.READ)

    _, in_app = shop.get(f"{URL}/{id_}").json()["deliveries"]

    assert in_app["read_at"] is not None
    assert in_app["seen_at"] == in_app["read_at"]


def test_a_service_sees_only_what_it_sent(
    shop: APIClient, caller: Callable[..., APIClient], send: Send
) -> None:
    (mine,) = send("ann")
    other = caller()

    assert found(other) == []
    for path in ("", "/timeline"):
        answer = other.get(f"{URL}/{mine}{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert found(shop) == [mine]


def test_with_read_all_a_service_sees_what_others_sent(
    caller: Callable[..., APIClient], send: Send
) -> None:
    (id_,) = send("ann")
    auditor = caller(scopes=["notifications:read", "read:all"])

    assert found(auditor) == [id_]
    assert auditor.get(f"{URL}/{id_}").json()["user_id"] == "ann"
    assert auditor.get(f"{URL}/{id_}/timeline").status_code == 200


def test_without_the_scope_nothing_is_read(caller: Callable[..., APIClient], send: Send) -> None:
    (id_,) = send("ann")
    sender = caller(scopes=["notifications:send"])
    for path in ("", f"/{id_}", f"/{id_}/timeline"):
        assert sender.get(URL + path).json()["code"] == "scope_missing"


@pytest.mark.parametrize("path", ["", "/timeline"])
def test_an_id_that_never_was_is_not_found(shop: APIClient, path: str) -> None:
    for id_ in (ids.uuid7(), "nonsense"):
        answer = shop.get(f"{URL}/{id_}{path}")
        assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


def test_pages_lead_there_and_back(shop: APIClient, send: Send) -> None:
    every = sorted(send(*(f"u{n}" for n in range(5))), reverse=True)

    first = shop.get(URL, {"limit": 2}).json()
    second = shop.get(first["next"]).json()
    third = shop.get(second["next"]).json()
    back = shop.get(second["previous"]).json()

    pages = [first, second, third]
    assert [[row["id"] for row in page["results"]] for page in pages] == [
        every[:2], every[2:4], every[4:],
    ]  # fmt: skip
    assert (first["previous"], third["next"]) == (None, None)
    assert back["results"] == first["results"]
    assert back["previous"] is None


def test_an_empty_list_has_no_neighbours(shop: APIClient) -> None:
    assert shop.get(URL).json() == {"results": [], "next": None, "previous": None}


def test_filters_narrow_and_add_up(shop: APIClient, send: Send, provider: Ledger, run: Run) -> None:
    make_type("welcome", steps=[{"channel": "in_app"}])
    ann, _bo = send("ann", "bo")
    run()
    (welcome,) = send("ann", type="welcome")

    assert sorted(found(shop, user_id="ann")) == sorted([ann, welcome])
    assert found(shop, type="welcome") == [welcome]
    assert found(shop, status="accepted") == [welcome]
    assert found(shop, user_id="ann", channel="email") == [ann]
    assert found(shop, user_id="nobody") == []
    assert found(shop, type="unheard_of") == []


def test_without_a_since_the_last_thirty_days_are_listed(shop: APIClient, send: Send) -> None:
    (id_,) = send("ann")
    before = datetime.now(UTC) - timedelta(days=31)
    old = ids.uuid7(int(before.timestamp() * 1000))
    Notification.objects.filter(id=id_).update(id=old)

    assert found(shop) == []
    assert found(shop, since=(before - timedelta(hours=1)).isoformat()) == [str(old)]
    assert found(shop, since="2000-01-01T00:00:00Z", until=before.isoformat()) == []


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"colour": "red"}, "/colour"),
        ({"userid": "ann"}, "/userid"),
        ({"status": "sent"}, "/status"),
        ({"channel": "fax"}, "/channel"),
        ({"since": "yesterday"}, "/since"),
        ({"since": "0001-01-01T00:00:00Z"}, "/since"),
        ({"limit": "0"}, "/limit"),
        ({"limit": "101"}, "/limit"),
        ({"cursor": "abc"}, "/cursor"),
        ({"cursor": "PmFiYw"}, "/cursor"),
        ({"user_id": "\0"}, "/user_id"),
    ],
)
def test_a_filter_that_cannot_be_meant_is_an_error(
    shop: APIClient, query: dict[str, str], pointer: str
) -> None:
    answer = shop.get(URL, query)
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]


def test_a_page_costs_the_same_for_one_row_and_for_fifty(
    shop: APIClient, send: Send, provider: Ledger, run: Run
) -> None:
    send("u0")
    run()
    shop.get(URL)  # the key is looked up once
    with CaptureQueriesContext(
        connection,
    ) as one:
        assert len(found(shop)) == 1
    send(*(f"u{n}" for n in range(1, 50)))
    run()
    with CaptureQueriesContext(connection) as fifty:
        assert len(found(shop)) == 50

    assert (len(one), len(fifty)) == (2, 2)


def test_explain_answers_over_http_and_writes_nothing(shop: APIClient, order_shipped: Any) -> None:
    answer = shop.post("/api/v1/explain", {"type": "order_shipped", "to": "ann"})

    assert answer.status_code == 200
    (person,) = answer.json()["recipients"]
    assert [(s["channel"], s["outcome"], s["reason"]) for s in person["steps"]] == [
        ("email", "skip", "no_address"),
        ("in_app", "send", None),
    ]
    assert not Notification.objects.exists()
