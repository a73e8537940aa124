"""Staff at the desk: a superuser, and one of each role."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from notifications.admin import access


@pytest.fixture
def boss(db: None) -> User:
    """May do everything."""
    return User.objects.create_superuser("boss", "boss@example.com", "secret-of-boss")


@pytest.fixture
def desk(boss: User) -> Client:
    """The superuser's browser."""
    client = Client()
    client.force_login(boss)
    return client


@pytest.fixture
def staff(db: None) -> Callable[[str], Client]:
    """The browser of somebody with one role."""
    access.set_groups()

    def make(role: str) -> Client:
        user = User.objects.create_user(role.lower(), password="secret", is_staff=True)
        user.groups.add(Group.objects.get(name=role))
        client = Client()
        client.force_login(user)
        return client

    return make


@pytest.fixture
def told(desk: Client) -> Callable[[Any], list[str]]:
    """The messages a response shows, in order."""
    return lambda response: [str(message) for message in response.context["messages"]]
