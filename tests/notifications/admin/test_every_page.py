"""Every table on the desk opens, with one row and with a page full, at a fixed price."""

from typing import Any

import pytest
from django.contrib import admin
from django.db import connection, models
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from notifysite.plumbing.desk import PAGE
from tests.notifications.admin.rows import MAKERS

TABLES = sorted(MAKERS, key=lambda model: model._meta.label)


def address(model: type[models.Model], page: str, *args: Any) -> str:
    meta = model._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{page}", args=args)


def cost(client: Client, url: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        response = client.get(url)
    assert response.status_code == 200
    return len(queries)


def test_every_table_on_the_desk_is_tested() -> None:
    assert set(MAKERS) == set(admin.site._registry)


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model.__name__)
def test_a_list_costs_as_much_for_a_page_full_as_for_one_row(
    desk: Client, model: type[models.Model]
) -> None:
    url = address(model, "changelist")
    MAKERS[model]()
    cost(desk, url)
    for_one = cost(desk, url)
    for _ in range(PAGE - 1):
        MAKERS[model]()
    assert cost(desk, url) == for_one
    assert for_one <= 14


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model.__name__)
def test_a_row_opens(desk: Client, model: type[models.Model]) -> None:
    row = MAKERS[model]()
    response = desk.get(address(model, "change", row.pk), follow=True)
    assert response.status_code == 200


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model.__name__)
def test_what_is_not_there_is_not_found(desk: Client, model: type[models.Model]) -> None:
    response = desk.get(address(model, "change", "999999999999"), follow=True)
    assert response.status_code in (200, 404)  # Django's own pages lead home with a message
    assert response.status_code == 404 or response.redirect_chain


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model.__name__)
def test_a_form_to_add_opens_for_what_is_added_by_hand(
    desk: Client, model: type[models.Model]
) -> None:
    response = desk.get(address(model, "add"))
    written_by_hand = admin.site._registry[model].has_add_permission(response.wsgi_request)
    assert response.status_code == (200 if written_by_hand else 403)


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model.__name__)
def test_big_tables_are_never_counted(desk: Client, model: type[models.Model]) -> None:
    if admin.site._registry[model].paginator.__name__ != "Uncounted":
        pytest.skip("small enough to count")
    MAKERS[model]()
    with CaptureQueriesContext(connection) as queries:
        desk.get(address(model, "changelist"))
    assert [one["sql"] for one in queries if "COUNT(" in one["sql"].upper()] == []
