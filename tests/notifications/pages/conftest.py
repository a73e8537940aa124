"""A shop that told somebody something, and browsers to look at it."""

from collections.abc import Callable

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from delivery.models import Delivery
from preferences import links
from preferences.models import Recipient
from tests.factories import make_category, make_recipient, make_type
from tests.fakes.scripted import Ledger

WORDS = {
    "email": {
        "subject": "Order {{ data.number }} is on its way",
        "body": "<p>Hello {{ recipient.name | default: 'there' }}, {{ data.number }} left.</p>",
    },
    "in_app": {"title": "Order {{ data.number }}", "body": "On its way", "url": "{{ brand.url }}"},
}


@pytest.fixture
def visit() -> Client:
    return Client(enforce_csrf_checks=True)


@pytest.fixture
def logged_in(db: None) -> Callable[[Recipient], Client]:
    def log_in(person: Recipient) -> Client:
        account = get_user_model().objects.create_user(f"account-{person.pk}")
        Recipient.objects.filter(pk=person.pk).update(account=account)
        client = Client(enforce_csrf_checks=True)
        client.force_login(account)
        return client

    return log_in


@pytest.fixture
def ann(db: None) -> Recipient:
    return make_recipient("ann", email="ann@example.com", name="Ann")


@pytest.fixture
def tell(db: None, provider: Ledger, api: APIClient, run: Callable[[], int]) -> Callable[..., None]:
    """Send a person one `order_shipped` by email and in-app, all the way."""
    schema = {"type": "object", "properties": {"number": {"type": "string"}}}
    make_type(
        "order_shipped",
        category=make_category("orders", name="Orders"),
        data_schema=schema,
        words=WORDS,
    )

    def send(person: Recipient, number: str = "A-1") -> None:
        body = {"type": "order_shipped", "to": person.user_id, "data": {"number": number}}
        assert api.post("/api/v1/notifications", body, format="json").status_code == 202
        run()

    return send


def mail_of(person: Recipient) -> Delivery:
    return Delivery.objects.get(recipient_id=person.pk, channel=1)


def path(url: str) -> str:
    return url.removeprefix("http://testserver")


def full(person: Recipient, page: str = "preferences") -> str:
    url = path(links.full_preferences_url(person.subject, now=timezone.now()))
    return url.replace("/preferences/", f"/{page}/")


def choices_only(person: Recipient, page: str = "preferences") -> str:
    return path(links.preferences_url(person.subject)).replace("/preferences/", f"/{page}/")
