"""A shop that is told what becomes of what it sends, at a receiver that checks signatures."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from delivery import registry, routing
from delivery.models import Delivery
from notifications.services import keys
from notifications.words import CALLBACK, Mode
from tests import factories
from tests.fakes import scripted
from tests.fakes.webhook_receiver import WebhookReceiver

URL = "/api/v1/callbacks"


@pytest.fixture
def receiver(provider: scripted.Ledger, settings: Any) -> Iterator[WebhookReceiver]:
    """Mail goes to the scripted provider, webhooks to this receiver."""
    settings.DELIVERY_ROUTES = {**settings.DELIVERY_ROUTES, "webhook": ["webhook"]}
    with WebhookReceiver() as running:
        running.secrets.clear()
        settings.OUTBOUND_ALLOWED_ORIGINS = [running.origin]
        routing.forget()
        yield running
        registry.get("webhook").close()
        registry.reset()
        routing.forget()


@pytest.fixture
def shop_service(db: None) -> Any:
    return factories.make_service("shop", name="Shop")


@pytest.fixture
def caller() -> Callable[..., APIClient]:
    """A client with a fresh key of a service."""

    def make(service: Any, *, mode: Mode = Mode.LIVE, scopes: Any = None) -> APIClient:
        wanted = scopes or set(keys.SCOPES) - {"read:all"}
        issued = factories.make_key(service, mode=mode, scopes=wanted)
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {issued.secret}")
        return client

    return make


@pytest.fixture
def shop(shop_service: Any, caller: Callable[..., APIClient]) -> APIClient:
    return caller(shop_service)


@pytest.fixture
def endpoint(receiver: WebhookReceiver) -> Callable[..., dict[str, Any]]:
    """Make an endpoint at the receiver, which learns its secret."""

    def make(client: APIClient, *events: str, url: str = "") -> dict[str, Any]:
        wanted = [f"delivery.{event}" for event in events or ("sent", "delivered", "failed")]
        answer = client.post(URL, {"url": url or receiver.url, "events": wanted})
        assert answer.status_code == 201, answer.content
        receiver.secrets.append(answer.json()["secret"])
        return answer.json()

    return make


@pytest.fixture
def order_shipped(db: None) -> Any:
    """By mail alone."""
    return factories.make_type(
        "order_shipped",
        steps=[{"channel": "email"}],
        category=factories.make_category("orders"),
    )


@pytest.fixture
def send(order_shipped: Any) -> Callable[..., str]:
    def post(client: APIClient, user_id: str = "ann") -> str:
        to = {"user_id": user_id, "email": f"{user_id}@example.com"}
        answer = client.post("/api/v1/notifications", {"type": "order_shipped", "to": to})
        assert answer.status_code == 202, answer.content
        return str(answer.json()["notifications"][0]["id"])

    return post


def callbacks() -> Any:
    """The deliveries that carry callbacks, oldest first."""
    return Delivery.objects.filter(step=CALLBACK).order_by("created_at", "id")


def let_time_pass(span: timedelta) -> None:
    """Move everything that waits, and how endpoints fare, into the past."""
    with connection.cursor() as cursor:
        for column in ("due_at", "accepted_at", "created_at"):
            cursor.execute(f"UPDATE delivery SET {column} = {column} - %s", [span])
        for column in ("failing_since", "rests_until", "old_secret_until"):
            cursor.execute(f"UPDATE callback_endpoint SET {column} = {column} - %s", [span])
