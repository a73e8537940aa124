"""Callers with scopes, and something they can send."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from notifications.services import keys
from notifications.words import Mode
from tests import factories


@pytest.fixture
def caller(db: None) -> Callable[..., APIClient]:
    """A client with a fresh key, all scopes but read:all unless told otherwise."""

    def make(
        service: Any = None, *, scopes: Any = None, mode: Mode = Mode.LIVE, **extra: Any
    ) -> APIClient:
        wanted = set(keys.SCOPES) - {"read:all"} if scopes is None else scopes
        issued = factories.make_key(service, mode=mode, scopes=wanted)
        client = APIClient(**extra)
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {issued.secret}")
        return client

    return make


@pytest.fixture
def shop(caller: Callable[..., APIClient]) -> APIClient:
    """The service most tests call as."""
    return caller(factories.make_service("shop", name="Shop"))


@pytest.fixture
def order_shipped(db: None) -> Any:
    """Email and in-app at once."""
    return factories.make_type("order_shipped", category=factories.make_category("orders"))


@pytest.fixture
def send(shop: APIClient, order_shipped: Any) -> Callable[..., list[str]]:
    """Send order_shipped as the shop; returns the ids."""

    def post(*users: Any, by: APIClient | None = None, **body: Any) -> list[str]:
        to = [
            {"user_id": u, "email": f"{u}@example.com"} if isinstance(u, str) else u for u in users
        ]
        answer = (by or shop).post(
            "/api/v1/notifications", {"type": "order_shipped", "to": to, **body}
        )
        assert answer.status_code == 202, answer.content
        return [row["id"] for row in answer.json()["notifications"]]

    return post
