"""Types, templates, providers, routes and suppressions."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from delivery.models import AuditEntry, Suppression
from notifications.catalog.publish import draft
from notifications.models import Template
from preferences import addresses
from tests.factories import make_category, make_type

pytestmark = pytest.mark.django_db


def test_a_type_says_how_it_is_sent_and_what_data_it_takes(shop: APIClient) -> None:
    make_type(
        "order_shipped",
        category=make_category("orders"),
        steps=[{"channel": "in_app"}, {"channel": "email", "wait_seconds": 60, "condition": 2}],
        data_schema={"type": "object"},
        sample_data={"number": "A-17"},
    )
    (row,) = shop.get("/api/v1/types").json()["results"]

    assert row == {
        "key": "order_shipped",
        "name": "order_shipped",
        "category": "orders",
        "priority": "normal",
        "active": True,
        "steps": [
            {"step": 1, "channel": "in_app", "wait": 0, "condition": "always", "expression": None},
            {
                "step": 2,
                "channel": "email",
                "wait": 60,
                "condition": "if_unseen",
                "expression": None,
            },
        ],
        "data_schema": {"type": "object"},
        "sample_data": {"number": "A-17"},
    }
    assert shop.get("/api/v1/types/order_shipped").json() == row
    assert shop.get("/api/v1/types/unheard_of").status_code == 404


def test_types_come_in_pages_by_key(shop: APIClient) -> None:
    for key in ("c", "a", "b"):
        make_type(f"type_{key}")
    first = shop.get("/api/v1/types", {"limit": 2}).json()
    second = shop.get(first["next"]).json()
    back = shop.get(second["previous"]).json()

    assert [row["key"] for row in first["results"]] == ["type_a", "type_b"]
    assert [row["key"] for row in second["results"]] == ["type_c"]
    assert second["next"] is None
    assert back["results"] == first["results"]


def test_a_template_names_the_version_people_read(shop: APIClient) -> None:
    make_type("order_shipped")
    draft(Template.objects.get(channel=5), {"title": "New", "body": "Words"})
    rows = shop.get("/api/v1/templates").json()["results"]

    assert {(r["type"], r["channel"], r["locale"], r["version"], r["draft"]) for r in rows} == {
        ("order_shipped", "email", "en", 1, False),
        ("order_shipped", "in_app", "en", 1, True),
    }


@pytest.mark.parametrize("path", ["types", "templates"])
def test_a_page_of_the_catalog_costs_the_same_for_any_number(shop: APIClient, path: str) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            shop.get(f"/api/v1/{path}")
        return len(queries)

    make_type()
    shop.get(f"/api/v1/{path}")
    one = cost()
    for _ in range(9):
        make_type()
    assert cost() == one == 2


def test_an_address_is_suppressed_by_hand_and_lifted_with_a_note(shop: APIClient) -> None:
    body = {"channel": "email", "address": "Ann@Example.com", "note": "asked by phone"}
    made = shop.post("/api/v1/suppressions", body)
    again = shop.post("/api/v1/suppressions", body)

    assert (made.status_code, made.json()["reason"]) == (201, "manual")
    assert again.json() == made.json()
    row = Suppression.objects.get()
    assert bytes(row.address_hash) == addresses.email("ann@example.com").hash
    assert shop.get("/api/v1/suppressions").json()["results"] == [made.json()]

    here = f"/api/v1/suppressions/{row.pk}"
    assert shop.delete(here).status_code == 422
    assert shop.delete(f"{here}?note=asked+again").status_code == 204
    assert shop.delete(f"{here}?note=asked+again").status_code == 404
    lifted = AuditEntry.objects.get(action="suppression.lifted")
    assert (lifted.actor, lifted.target) == ("service:shop", f"suppression:{row.pk}")
    assert lifted.detail == {"reason": "manual", "note": "asked again"}


def test_an_address_that_is_none_cannot_be_suppressed(shop: APIClient) -> None:
    answer = shop.post("/api/v1/suppressions", {"channel": "email", "address": "nobody"})
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/address"]


def test_suppressions_are_filtered_and_paged(shop: APIClient) -> None:
    for number in range(3):
        Suppression.objects.create(channel=1, address_hash=b"%d" % number, reason=1 + number % 2)
    Suppression.objects.create(channel=2, address_hash=b"s", reason=3)

    def ids(**query: Any) -> list[int]:
        answer = shop.get("/api/v1/suppressions", query).json()
        return [row["reason"] for row in answer["results"]]

    assert ids(channel="email") == ["hard_bounce", "complaint", "hard_bounce"]
    assert ids(reason="stop") == ["stop"]
    page = shop.get("/api/v1/suppressions", {"limit": 3}).json()
    assert len(shop.get(page["next"]).json()["results"]) == 1
    assert shop.get("/api/v1/suppressions", {"cursor": "Pm5v"}).status_code == 422


@pytest.mark.parametrize(
    "path", ["types", "types/x", "templates", "providers", "routes", "suppressions"]
)
def test_looking_up_needs_its_scope(caller: Callable[..., APIClient], path: str) -> None:
    client = caller(scopes=["notifications:send"])
    assert client.get(f"/api/v1/{path}").json()["code"] == "scope_missing"
