"""The front page says what this is and whether it is well."""

import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.db import connection
from django.test import Client

pytestmark = pytest.mark.django_db


def beat() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO heartbeat (name, kind, at, consumed_at)"
            " VALUES ('pump-1', 'pump', clock_timestamp(), clock_timestamp())"
        )


def test_it_is_well_when_every_part_is(visit: Client) -> None:
    beat()

    page = visit.get("/")

    assert page.status_code == 200
    assert "All is well" in page.content.decode()


def test_it_says_what_is_not_ready(visit: Client) -> None:
    page = visit.get("/")

    assert "Something needs attention" in page.content.decode()
    assert [(str(name), ready) for name, ready in page.context["parts"]][2] == ("Pump", False)


def test_the_example_shop_is_offered_only_where_there_is_one(visit: Client, settings) -> None:
    without = visit.get("/").content.decode()
    settings.EMBEDDED = True

    assert "/demo/" not in without
    assert "/demo/" in visit.get("/").content.decode()


def test_every_page_has_an_icon(visit: Client) -> None:
    icon = "/static/notifysite/icon.svg"

    for path in ("/", "/admin/login/"):
        assert f'href="{icon}"' in visit.get(path).content.decode()
    assert visit.get("/favicon.ico").headers["Location"] == icon
    assert finders.find("notifysite/icon.svg")


def test_who_logs_in_without_having_been_sent_there_is_in_the_admin() -> None:
    User.objects.create_superuser("boss", password="boss")

    answer = Client().post("/admin/login/", {"username": "boss", "password": "boss"})

    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/")


def test_it_may_load_nothing_from_elsewhere(visit: Client) -> None:
    policy = visit.get("/").headers["Content-Security-Policy"]

    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "frame-ancestors 'none'" in policy
