"""People who open pages, and what the database holds before and after."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.utils import timezone

from preferences import links
from preferences.models import Recipient

# All that a page may change; what is read only is left out.
TABLES = (
    "recipient",
    "address",
    "choice",
    "category_setting",
    "consent",
    "topic_subscription",
    "audit_entry",
)


@pytest.fixture
def held(db: None) -> Callable[[], dict[str, list[Any]]]:
    """All rows of the tables a person's page may write."""

    def rows() -> dict[str, list[Any]]:
        with connection.cursor() as cursor:
            found = {}
            for table in (*TABLES, "django_session"):
                cursor.execute(f"SELECT t::text FROM {table} AS t ORDER BY 1")
                found[table] = cursor.fetchall()
            return found

    return rows


@pytest.fixture
def visit() -> Client:
    """A browser that refuses cookies is one that never sends any back: this one has none yet."""
    return Client(enforce_csrf_checks=True)


@pytest.fixture
def logged_in(db: None) -> Callable[[Recipient], Client]:
    """A browser in which a person is logged in; it checks CSRF as the site does."""

    def log_in(person: Recipient) -> Client:
        account = get_user_model().objects.create_user(f"account-{person.pk}")
        Recipient.objects.filter(pk=person.pk).update(account=account)
        client = Client(enforce_csrf_checks=True)
        client.force_login(account)
        return client

    return log_in


def path(url: str) -> str:
    """The path of an address of this site."""
    return url.removeprefix("http://testserver")


def choices_only(person: Recipient) -> str:
    return path(links.preferences_url(person.subject))


def full(person: Recipient) -> str:
    return path(links.full_preferences_url(person.subject, now=timezone.now()))
