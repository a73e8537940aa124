"""Services create, read, change and erase people."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from preferences.authentication import read_token
from preferences.models import Address, CategoryKind, Choice, Consent, Recipient
from tests.factories import make_category, make_recipient

pytestmark = pytest.mark.django_db

ANN = "/api/v1/users/ann"
FULL = {
    "name": "Ann",
    "email": "ann@example.com",
    "phone": "+491701234567",
    "locale": "de-CH",
    "timezone": "Europe/Zurich",
    "attributes": {"plan": "pro"},
}


def audited() -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT action, subject, detail::text FROM audit_entry ORDER BY id")
        return [row for row in cursor.fetchall() if row[0].startswith("user")]


def without_times(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if not name.endswith("_at")}


def test_a_put_creates_a_person_who_is_then_read_back(service: APIClient):
    created = service.put(ANN, FULL)

    assert created.status_code == 201
    assert without_times(created.json()) == {
        **FULL,
        "user_id": "ann",
        "paused_until": None,
        "devices": [],
    }
    assert service.get(ANN).json() == created.json()
    assert created.json()["created_at"].endswith("Z")


def test_a_put_clears_what_it_leaves_out(service: APIClient):
    service.put(ANN, FULL)

    replaced = service.put(ANN, {"email": "new@example.com", "attributes": {"team": "red"}})

    assert replaced.status_code == 200
    assert without_times(replaced.json()) == {
        "user_id": "ann",
        "name": None,
        "email": "new@example.com",
        "phone": None,
        "locale": None,
        "timezone": None,
        "attributes": {"team": "red"},
        "paused_until": None,
        "devices": [],
    }


def test_a_patch_leaves_what_it_leaves_out(service: APIClient):
    service.put(ANN, FULL)

    changed = service.patch(ANN, {"phone": None, "attributes": {"team": "red"}})

    assert changed.status_code == 200
    assert without_times(changed.json()) == without_times(service.get(ANN).json())
    assert changed.json()["phone"] is None
    assert changed.json()["email"] == "ann@example.com"
    assert changed.json()["attributes"] == {"plan": "pro", "team": "red"}


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
@pytest.mark.parametrize("user_id", ["nobody", "a%00b", "x" * 300])
def test_somebody_unknown_is_not_found(service: APIClient, method: str, user_id: str):
    answer = getattr(service, method)(f"/api/v1/users/{user_id}")

    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


@pytest.mark.parametrize(
    "user_id", ["ann@example.com", "urn:user:1", "a b", "Zoë", "50%", "a?b#c", "bulk", "me", "+1"]
)
def test_a_user_id_may_hold_any_printable_character_but_a_slash(service: APIClient, user_id: str):
    address = f"/api/v1/users/{quote(user_id, safe='')}"

    assert service.put(address, {"name": "X"}).status_code == 201
    assert service.get(address).json()["user_id"] == user_id
    assert service.get(f"{address}/preferences").status_code == 200
    assert service.delete(address).status_code == 204


def test_a_user_id_that_cannot_be_is_refused(service: APIClient):
    answer = service.put("/api/v1/users/a%00b", {})

    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/user_id"]


def test_every_fault_of_a_person_is_reported_at_its_place(service: APIClient):
    answer = service.put(
        ANN,
        {
            "user_id": "bob",
            "email": "a@example.com, b@example.com",
            "nickname": "Annie",
            "paused_until": None,
        },
    )

    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [
        ("/paused_until", "read_only"),
        ("/user_id", "mismatch"),
        ("/email", "invalid_address"),
        ("/nickname", "unknown_field"),
    ]
    assert Recipient.objects.count() == 0


@pytest.mark.parametrize("body", [[], "ann", None, 3])
def test_a_person_is_an_object(service: APIClient, body: Any):
    answer = service.put(ANN, json.dumps(body), content_type="application/json")

    assert answer.status_code == 422


def test_changes_are_written_into_the_audit_trail_without_anything_about_the_person(
    service: APIClient,
):
    service.put(ANN, {"name": "Ann"})
    service.patch(ANN, {"email": "ann@example.com"})

    subject = Recipient.objects.get().subject
    everything = ["email", "phone", "locale", "timezone", "name", "attributes"]
    assert [(action, who, json.loads(detail)) for action, who, detail in audited()] == [
        ("user.created", subject, {"named": everything}),
        ("user.changed", subject, {"named": ["email"]}),
    ]


@pytest.mark.parametrize(
    ("method", "scope"),
    [("get", "users:read"), ("put", "users:write"), ("patch", "users:write")],
)
def test_each_call_asks_for_its_scope(
    client_with: Callable[..., APIClient], method: str, scope: str
):
    make_recipient("ann")
    other = ({"users:read", "users:write"} - {scope}).pop()

    assert getattr(client_with(scope), method)(ANN, {}).status_code == 200
    assert getattr(client_with(other), method)(ANN, {}).status_code == 403
    assert getattr(APIClient(), method)(ANN, {}).status_code == 401


def test_a_person_may_not_act_as_a_service(as_person: Callable[[Recipient], APIClient]):
    assert as_person(make_recipient("ann")).get(ANN).status_code == 401


def test_erasure_leaves_nothing_of_a_person(service: APIClient):
    service.put(ANN, FULL)
    category = make_category("news", kind=CategoryKind.MARKETING)
    service.patch(f"{ANN}/preferences", {"categories": {"news": {"enabled": True}}})
    person = Recipient.objects.get()
    values = [bytes(row.value) for row in Address.objects.all()]
    assert (len(values), Choice.objects.count()) == (2, 1)

    assert service.delete(ANN).status_code == 204

    erased = Recipient.objects.get()
    assert (erased.pk, erased.subject) == (person.pk, person.subject)
    assert [erased.user_id, erased.data_key, erased.profile] == [None, None, None]
    assert [erased.locale, erased.timezone, erased.quiet_hours] == ["", "", None]
    assert erased.erased_at is not None
    assert erased.changed_at > person.changed_at
    assert (Address.objects.count(), Choice.objects.count()) == (0, 0)
    assert Consent.objects.get().category == category


def test_erasure_happens_once_and_is_written_down(service: APIClient):
    service.put(ANN, FULL)
    subject = Recipient.objects.get().subject

    assert service.delete(ANN).status_code == 204
    assert service.delete(ANN).status_code == 404
    assert service.get(ANN).status_code == 404
    assert [(action, who) for action, who, _ in audited()][-1] == ("user.erased", subject)
    assert len(audited()) == 2


def test_a_suppressed_address_stays_suppressed_for_who_comes_after(service: APIClient):
    service.put(ANN, FULL)
    hash = bytes(Address.objects.get(channel=2).hash)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO suppression (channel, address_hash, reason, source, note)"
            " VALUES (2, %s, 3, '', '')",
            [hash],
        )
    service.delete(ANN)

    service.put(ANN, FULL)

    assert service.get(f"{ANN}/preferences").json()["channels"]["sms"] == {"enabled": False}


forgotten: list[tuple[int, str]] = []


def forget(recipient_id: int, user_id: str) -> None:
    forgotten.append((recipient_id, user_id))


def test_an_app_above_may_erase_what_it_keeps(service: APIClient, settings: Any):
    settings.ERASE_PARTS = [f"{__name__}.forget"]
    forgotten.clear()
    recipient = make_recipient("ann")

    service.delete(ANN)

    assert forgotten == [(recipient.id, "ann")]


def test_an_export_holds_all_that_is_kept(service: APIClient):
    make_category("orders")
    service.put(ANN, FULL)
    service.patch(ANN, {"email": "new@example.com"})
    service.patch(
        f"{ANN}/preferences",
        {
            "categories": {"orders": {"enabled": False, "preferred_channel": "sms"}},
            "quiet_hours": {"days": {"monday": [{"start": "22:00", "end": "07:00"}]}},
        },
    )

    answer = service.get(f"{ANN}/export")

    assert answer.status_code == 200
    exported = answer.json()
    assert exported["user"]["name"] == "Ann"
    assert [(row["channel"], row["value"]) for row in exported["addresses"]] == [
        ("email", "ann@example.com"),
        ("sms", "+491701234567"),
        ("email", "new@example.com"),
    ]
    assert [(row["category"], row["enabled"]) for row in exported["choices"]] == [("orders", False)]
    assert exported["settings"] == [
        {"category": "orders", "snoozed_until": None, "preferred_channel": "sms"}
    ]
    assert exported["quiet_hours"]["days"] == {"monday": [{"start": "22:00", "end": "07:00"}]}
    assert [row["action"] for row in exported["audit"]] == [
        "user.created",
        "user.changed",
        "preferences.changed",
    ]
    assert audited()[-1][0] == "user.exported"


def also_kept(recipient_id: int) -> dict[str, Any]:
    return {"notifications": [recipient_id]}


def test_an_app_above_may_add_its_part_to_an_export(service: APIClient, settings: Any):
    settings.EXPORT_PARTS = ["preferences.privacy.export", f"{__name__}.also_kept"]
    recipient = make_recipient("ann")

    exported = service.get(f"{ANN}/export").json()

    assert exported["notifications"] == [recipient.id]
    assert exported["user"]["user_id"] == "ann"


def test_a_token_acts_for_its_person_and_lasts_an_hour(service: APIClient):
    recipient = make_recipient("ann")

    answer = service.post(f"{ANN}/token")

    assert answer.status_code == 201
    assert answer["Cache-Control"] == "no-store"
    token = answer.json()["token"]
    soon, late = timezone.now() + timedelta(minutes=59), timezone.now() + timedelta(minutes=61)
    assert read_token(token, now=soon.timestamp()) == recipient.subject
    assert read_token(token, now=late.timestamp()) is None

    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    assert client.get("/api/v1/me/").json()["user_id"] == "ann"


@pytest.mark.parametrize("seconds", [59, 86_401, "60", 60.5, True, None])
def test_a_token_lasts_a_minute_at_least_and_a_day_at_most(service: APIClient, seconds: Any):
    make_recipient("ann")

    assert service.post(f"{ANN}/token", {"expires_in": 60}).status_code == 201
    assert service.post(f"{ANN}/token", {"expires_in": 86_400}).status_code == 201
    answer = service.post(f"{ANN}/token", {"expires_in": seconds})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/expires_in"


def test_nobody_unknown_gets_a_token(service: APIClient):
    assert service.post(f"{ANN}/token").status_code == 404
    assert Recipient.objects.count() == 0


def test_a_method_there_is_not_is_refused(service: APIClient):
    answer = service.post(ANN, {})

    assert answer.status_code == 405
    assert answer["Allow"] == "GET, PUT, PATCH, DELETE, HEAD, OPTIONS"
