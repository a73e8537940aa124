"""Many people in one call: each has its own answer, and the work does not grow with them."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from preferences.models import Recipient
from tests.factories import make_recipient

pytestmark = pytest.mark.django_db

BULK = "/api/v1/users/bulk"


def test_each_person_has_an_answer_in_order(service: APIClient):
    make_recipient("bob", name="Bob")

    answer = service.post(
        BULK,
        {
            "users": [
                {"user_id": "ann", "email": "ann@example.com"},
                {"user_id": "bob", "name": "Robert"},
                {"user_id": "cleo", "email": "nowhere"},
                "dora",
                {"email": "eve@example.com"},
                {"user_id": "fay"},
            ]
        },
    )

    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [(one["user_id"], one["status"]) for one in results] == [
        ("ann", "created"),
        ("bob", "updated"),
        ("cleo", "invalid"),
        (None, "invalid"),
        (None, "invalid"),
        ("fay", "created"),
    ]
    assert [one.get("errors") for one in results] == [
        None,
        None,
        [
            {
                "pointer": "/users/2/email",
                "code": "invalid_address",
                "detail": "Must be one plain address, such as ann@example.com.",
            }
        ],
        [{"pointer": "/users/3", "code": "invalid_type", "detail": "Must be an object."}],
        [
            {
                "pointer": "/users/4/user_id",
                "code": "required",
                "detail": "Name the person by a user_id.",
            }
        ],
        None,
    ]
    assert sorted(Recipient.objects.values_list("user_id", flat=True)) == ["ann", "bob", "fay"]
    assert service.get("/api/v1/users/bob").json()["name"] == "Robert"


def test_a_person_whose_attributes_pile_up_does_not_sink_the_rest(service: APIClient):
    big = {"user_id": "ann", "attributes": {"a": "x" * 16_000, "b": ""}}
    more = [{"user_id": "ann", "attributes": {name: "x" * 16_000}} for name in ("c", "d")]

    answer = service.post(BULK, {"users": [{"user_id": "bob"}, big, *more]})

    assert [one["status"] for one in answer.json()["results"]] == [
        "created",
        "invalid",
        "invalid",
        "invalid",
    ]
    assert list(Recipient.objects.values_list("user_id", flat=True)) == ["bob"]


@pytest.mark.parametrize(
    "body",
    [{}, [], {"users": []}, {"users": {}}, {"users": [{"user_id": "x"}] * 1001}, {"people": []}],
)
def test_a_body_is_a_list_of_1_to_1000_people(service: APIClient, body: Any):
    answer = service.post(BULK, body)

    assert answer.status_code == 422
    assert Recipient.objects.count() == 0


@pytest.mark.parametrize("count", [1, 50])
def test_the_number_of_queries_does_not_grow_with_people(
    service: APIClient, django_assert_num_queries: Callable[..., Any], count: int
):
    users = [
        {"user_id": f"user-{number}", "email": f"user{number}@example.com", "name": "X"}
        for number in range(count)
    ]
    service.post(BULK, {"users": [{"user_id": "warm up the key's cache"}]})

    # Two savepoints and their release; select, insert, addresses; audit.
    with django_assert_num_queries(8):
        answer = service.post(BULK, {"users": users})

    assert [one["status"] for one in answer.json()["results"]] == ["created"] * count


def test_a_person_may_be_called_bulk(service: APIClient):
    assert service.put(BULK, {"name": "Bulk"}).status_code == 201
    assert service.get(BULK).json()["name"] == "Bulk"


def test_it_asks_for_the_scope_to_write(client_with: Callable[..., APIClient]):
    answer = client_with("users:read").post(BULK, {"users": [{"user_id": "ann"}]})

    assert answer.status_code == 403
    assert answer.json()["code"] == "scope_missing"
