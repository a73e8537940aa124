"""The resource of suppressions: set, listed, looked at, lifted."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from delivery.models import AuditEntry, Suppression
from notifications.words import Mode
from preferences import addresses

pytestmark = pytest.mark.django_db

URL = "/api/v1/suppressions"
SOON = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)


def test_an_address_is_suppressed_by_hand_and_lifted_with_a_note(shop: APIClient) -> None:
    body = {"channel": "email", "address": "Ann@Example.com", "note": "asked by phone"}
    made = shop.post(URL, body)
    again = shop.post(URL, body)

    assert (made.status_code, made.json()["reason"]) == (201, "manual")
    assert again.status_code == 200
    assert again.json() == made.json()
    row = Suppression.objects.get()
    assert bytes(row.address_hash) == addresses.email("ann@example.com").hash
    assert shop.get(URL).json()["results"] == [made.json()]

    here = f"{URL}/{row.pk}"
    assert shop.delete(here).status_code == 422
    assert shop.delete(f"{here}?note=asked+again").status_code == 204
    assert shop.delete(f"{here}?note=asked+again").status_code == 404
    lifted = AuditEntry.objects.get(action="suppression.lifted")
    assert (lifted.actor, lifted.target) == ("service:shop", f"suppression:{row.pk}")
    assert lifted.detail == {"reason": "manual", "note": "asked again"}


def test_a_test_key_neither_sets_nor_lifts_one(caller: Any) -> None:
    trial = caller(mode=Mode.TEST)
    row = Suppression.objects.create(channel=1, address_hash=b"x", reason=1)

    answers = [
        trial.post(URL, {"channel": "email", "address": "ann@example.com"}),
        trial.delete(f"{URL}/{row.pk}?note=why"),
    ]

    assert [answer.json()["code"] for answer in answers] == ["key_mode"] * 2
    assert list(Suppression.objects.all()) == [row]


def test_an_address_that_is_none_cannot_be_suppressed(shop: APIClient) -> None:
    answer = shop.post(URL, {"channel": "email", "address": "nobody"})
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/address"]


def test_suppressions_are_filtered_and_paged(shop: APIClient) -> None:
    for number in range(3):
        Suppression.objects.create(channel=1, address_hash=b"%d" % number, reason=1 + number % 2)
    Suppression.objects.create(channel=2, address_hash=b"s", reason=3)

    def ids(**query: Any) -> list[int]:
        answer = shop.get(URL, query).json()
        return [row["reason"] for row in answer["results"]]

    assert ids(channel="email") == ["hard_bounce", "complaint", "hard_bounce"]
    assert ids(reason="stop") == ["stop"]
    page = shop.get(URL, {"limit": 3}).json()
    assert len(shop.get(page["next"]).json()["results"]) == 1
    assert shop.get(URL, {"cursor": "Pm5v"}).status_code == 422


def test_the_reason_and_the_end_may_be_said(shop: APIClient) -> None:
    body = {"channel": "sms", "address": "+49 151 23456789", "reason": "stop"}
    made = shop.post(URL, {**body, "expires_at": SOON.isoformat()})
    row = made.json()

    assert made.status_code == 201
    assert row == {
        "id": row["id"],
        "channel": "sms",
        "reason": "stop",
        "source": "service:shop",
        "note": "",
        "created_at": row["created_at"],
        "expires_at": SOON.isoformat().replace("+00:00", "Z"),
    }
    assert shop.get(f"{URL}/{row['id']}").json() == row
    longer = shop.post(URL, body)
    assert (longer.status_code, longer.json()) == (201, {**row, "expires_at": None})


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"channel": "in_app"}, "/channel"),
        ({"reason": "dead_token"}, "/reason"),
        ({"reason": "because"}, "/reason"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
        ({"note": "n" * 401}, "/note"),
        ({"until": "tomorrow"}, "/until"),
    ],
)
def test_what_is_wrong_is_said_where_and_nothing_is_set(
    shop: APIClient, said: dict[str, Any], pointer: str
) -> None:
    answer = shop.post(URL, {"channel": "email", "address": "ann@example.com", **said})
    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]
    assert not Suppression.objects.exists()


@pytest.mark.parametrize("id_", [1, 10**30])
def test_what_is_not_there_is_not_found(shop: APIClient, id_: int) -> None:
    for answer in (shop.get(f"{URL}/{id_}"), shop.delete(f"{URL}/{id_}?note=x")):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_reading_and_writing_take_scopes_of_their_own(caller: Callable[..., APIClient]) -> None:
    reader, writer = caller(scopes=["ops:read"]), caller(scopes=["ops:write"])
    body = {"channel": "email", "address": "ann@example.com"}
    row = writer.post(URL, body).json()
    here = f"{URL}/{row['id']}"

    assert (reader.get(URL).status_code, reader.get(here).status_code) == (200, 200)
    assert reader.post(URL, body).json()["code"] == "scope_missing"
    assert reader.delete(f"{here}?note=x").json()["code"] == "scope_missing"
    assert writer.get(here).json()["code"] == "scope_missing"
    assert writer.delete(f"{here}?note=x").status_code == 204


def test_what_has_expired_is_set_again(shop: APIClient) -> None:
    Suppression.objects.create(
        channel=1,
        address_hash=addresses.email("ann@example.com").hash,
        reason=1,
        expires_at=datetime(2020, 1, 1, tzinfo=UTC),
    )
    answer = shop.post(URL, {"channel": "email", "address": "ann@example.com"})
    assert (answer.status_code, answer.json()["reason"]) == (201, "manual")
    assert answer.json()["expires_at"] is None
