"""Types and templates; and that looking up anything needs its scope."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from notifications.catalog.publish import draft
from notifications.models import Template
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


def test_words_for_every_channel_are_listed_as_general(shop: APIClient) -> None:
    words = {"general": {"title": "Order", "body": "It is late."}}
    make_type("order_late", steps=[{"channel": "sms"}], words=words)
    (row,) = shop.get("/api/v1/templates").json()["results"]
    assert (row["type"], row["channel"], row["version"]) == ("order_late", "general", 1)


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


@pytest.mark.parametrize(
    "path", ["types", "types/x", "templates", "providers", "routes", "suppressions"]
)
def test_looking_up_needs_its_scope(caller: Callable[..., APIClient], path: str) -> None:
    client = caller(scopes=["notifications:send"])
    assert client.get(f"/api/v1/{path}").json()["code"] == "scope_missing"
