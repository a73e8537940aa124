"""Who calls the API of preferences: a service with its key, a person with their token."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from preferences.authentication import issue_token
from preferences.models import Recipient
from tests.factories import make_key


@pytest.fixture(autouse=True)
def only_preferences(settings: Any) -> None:
    """The addresses of preferences alone, and no limit on how often one may call."""
    settings.ROOT_URLCONF = "tests.preferences.api.urls"
    settings.API_REQUESTS_PER_MINUTE = 1_000_000


@pytest.fixture
def client_with() -> Callable[..., APIClient]:
    """A service whose key has these scopes."""

    def make(*scopes: str) -> APIClient:
        client = APIClient()
        secret = make_key(scopes=scopes).secret
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
        return client

    return make


@pytest.fixture
def service(client_with: Callable[..., APIClient]) -> APIClient:
    """A service that may do all that is done here."""
    return client_with("users:read", "users:write", "catalog:read")


@pytest.fixture
def as_person() -> Callable[[Recipient], APIClient]:
    """A person with a token."""

    def make(recipient: Recipient) -> APIClient:
        client = APIClient()
        token, _ = issue_token(recipient.subject, now=timezone.now())
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
        return client

    return make
