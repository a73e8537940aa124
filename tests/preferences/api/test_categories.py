"""Services see what people choose about."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from preferences.models import CategoryKind
from tests.factories import make_category

pytestmark = pytest.mark.django_db

LIST = "/api/v1/categories"


def test_categories_are_listed_in_the_order_people_see_them(service: APIClient):
    make_category("news", kind=CategoryKind.MARKETING, position=2)
    make_category("orders", position=1, translations={"de": {"name": "Bestellungen"}})

    answer = service.get(LIST).json()

    assert [one["key"] for one in answer["results"]] == ["orders", "news"]
    assert (answer["next"], answer["previous"]) == (None, None)
    assert answer["results"][0] == {
        "key": "orders",
        "name": "Orders",
        "description": "",
        "translations": {"de": {"name": "Bestellungen"}},
        "kind": "transactional",
        "mandatory": False,
        "default_channels": ["email", "in_app"],
        "position": 1,
    }
    assert service.get(f"{LIST}/news").json() == answer["results"][1]


def test_a_category_there_is_not_is_not_found(service: APIClient):
    assert service.get(f"{LIST}/shoes").status_code == 404


def test_it_asks_for_the_scope_of_the_catalog(client_with: Callable[..., APIClient]):
    assert client_with("catalog:read").get(LIST).status_code == 200
    assert client_with("users:read").get(LIST).status_code == 403


@pytest.mark.parametrize("count", [1, 50])
def test_the_number_of_queries_does_not_grow_with_categories(
    service: APIClient, django_assert_num_queries: Callable[..., Any], count: int
):
    for _ in range(count):
        make_category()
    service.get(LIST)

    with django_assert_num_queries(1):
        assert len(service.get(LIST).json()["results"]) == count
