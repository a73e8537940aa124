"""What people want, by the API: for services about anybody, for people about themselves."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from preferences.models import Choice, Recipient
from tests.factories import make_category, make_recipient

pytestmark = pytest.mark.django_db

ANN, ME = "/api/v1/users/ann/preferences", "/api/v1/me/preferences"
NO_EMAIL = {"categories": {"orders": {"channels": {"email": {"enabled": False}}}}}


def test_a_service_reads_and_changes_what_a_person_wants(service: APIClient):
    make_recipient("ann", locale="de")
    make_category("orders")
    before = service.get(ANN)
    assert before.status_code == 200
    assert before.json()["categories"]["orders"]["channels"]["email"]["enabled"] is True

    changed = service.patch(ANN, NO_EMAIL)

    assert changed.status_code == 200
    email = changed.json()["categories"]["orders"]["channels"]["email"]
    assert (email["enabled"], email["source"]) == (False, "choice_category_channel")
    assert email["updated_at"].endswith("Z")
    assert service.get(ANN).json() == changed.json()
    assert Choice.objects.get().source == "api"


def test_a_person_reads_and_changes_what_they_want(as_person: Callable[[Recipient], APIClient]):
    client = as_person(make_recipient("ann"))
    make_category("orders")

    changed = client.patch(ME, NO_EMAIL)

    assert changed.status_code == 200
    assert client.get(ME).json() == changed.json()
    assert Choice.objects.get().source == "person"


def test_a_person_may_use_their_session_with_its_csrf_token():
    account = User.objects.create_user("ann")
    make_recipient("ann", account=account)
    make_category("orders")
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(account)
    assert client.get(ME).status_code == 200

    assert client.patch(ME, NO_EMAIL).status_code == 403

    client.cookies["csrftoken"] = "x" * 32
    assert client.patch(ME, NO_EMAIL, headers={"X-CSRFToken": "x" * 32}).status_code == 200


def test_what_cannot_be_is_answered_with_every_fault(service: APIClient):
    make_recipient("ann")
    make_category("security", mandatory=True)

    answer = service.patch(ANN, {"categories": {"security": {"enabled": False}, "shoes": {}}})
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/categories/shoes"]

    answer = service.patch(ANN, {"categories": {"security": {"enabled": False}}})
    assert answer.json()["errors"] == [
        {
            "pointer": "/categories/security/enabled",
            "code": "mandatory",
            "detail": "This category is mandatory; choose its channels instead.",
        }
    ]


def test_the_wishes_of_nobody_are_not_found(service: APIClient):
    assert service.get(ANN).status_code == 404
    assert service.patch(ANN, {}).status_code == 404


def test_what_somebody_erased_wants_is_not_theirs_to_change(
    service: APIClient, as_person: Callable[[Recipient], APIClient]
):
    client = as_person(make_recipient("ann"))
    service.delete("/api/v1/users/ann")

    assert client.get(ME).status_code == 401
    assert client.patch(ME, NO_EMAIL).status_code == 401


@pytest.mark.parametrize("address", ["", "/", "/preferences", "/devices", "/export"])
def test_only_people_see_themselves(service: APIClient, address: str):
    assert service.get(f"/api/v1/me{address}").status_code == 401
    answer = APIClient().get(f"/api/v1/me{address}")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"


def test_a_person_sees_their_profile_and_everything_kept(
    as_person: Callable[[Recipient], APIClient],
):
    client = as_person(make_recipient("ann", name="Ann", email="ann@example.com"))

    assert client.get("/api/v1/me/").json()["email"] == "ann@example.com"
    assert client.get("/api/v1/me").json()["name"] == "Ann"
    assert client.get("/api/v1/me/export").json()["user"]["user_id"] == "ann"


def test_a_person_adds_lists_and_removes_their_devices(
    as_person: Callable[[Recipient], APIClient],
):
    client = as_person(make_recipient("ann"))
    body = {"channel": "mobile_push", "kind": "apns", "token": "ab" * 32}

    added = client.post("/api/v1/me/devices", body)

    assert added.status_code == 201
    assert client.get("/api/v1/me/devices").json()["results"] == [added.json()]
    assert client.delete(f"/api/v1/me/devices/{added.json()['id']}").status_code == 204


@pytest.mark.parametrize("count", [1, 50])
def test_the_number_of_queries_does_not_grow_with_choices_and_categories(
    service: APIClient, django_assert_num_queries: Callable[..., Any], count: int
):
    recipient = make_recipient("ann")
    for _ in range(count):
        Choice.objects.create(recipient=recipient, category=make_category(), enabled=False)
    service.get(ANN)

    with django_assert_num_queries(4):
        answer = service.get(ANN)

    assert len(answer.json()["categories"]) == count
