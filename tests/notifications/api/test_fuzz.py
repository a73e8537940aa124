"""Whatever the schema allows, and much that it does not: no call may break the server."""

import json
from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import schemathesis
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from rest_framework.test import APIClient
from schemathesis import Case, GenerationMode
from schemathesis.core import NotSet

from notifications.services import keys
from preferences import authentication
from tests import factories

pytestmark = pytest.mark.django_db

FOR_PEOPLE = ("/api/v1/me", "/api/v1/inbox")
# The same requests every time, few enough to wait for.
EXAMPLES = settings(
    max_examples=6,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def clients(settings: Any) -> dict[str, APIClient]:
    """A service that may do everything, as often as it likes, and a person."""
    settings.API_REQUESTS_PER_MINUTE = 1_000_000
    factories.make_type("order_shipped")
    person = factories.make_recipient("ann", email="ann@example.com")
    issued = factories.make_key(scopes=keys.SCOPES)
    token, _ = authentication.issue_token(person.subject, now=timezone.now())
    return {
        name: APIClient(raise_request_exception=False, HTTP_AUTHORIZATION=f"Bearer {secret}")
        for name, secret in (("service", issued.secret), ("person", token))
    }


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_request_breaks_the_server(clients: dict[str, APIClient], mode: GenerationMode) -> None:
    document = APIClient().get("/api/v1/schema?format=json").json()
    broken: list[str] = []
    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        hammer(found.ok(), clients, mode=mode, broken=broken)
    assert broken == []


def hammer(operation: Any, clients: dict[str, APIClient], *, mode: Any, broken: list[str]) -> None:
    """Call one operation with some cases, each in a transaction of its own that is taken back."""
    client = clients["person" if operation.path.startswith(FOR_PEOPLE) else "service"]

    @EXAMPLES
    @given(case=operation.as_strategy(generation_mode=mode))
    def once(case: Case) -> None:
        with transaction.atomic():
            status = call(client, case).status_code
            transaction.set_rollback(True)
        if status >= 500:
            broken.append(f"{status} {case.method} {case.formatted_path} {case.query} {case.body}")

    with suppress(Unsatisfiable):  # a call without parameters: nothing in it can be wrong
        once()


def call(client: APIClient, case: Case) -> Any:
    """Send a case as a caller would."""
    query = urlencode(case.query or {}, doseq=True, errors="replace")
    body = case.body
    if isinstance(body, NotSet):
        body = b""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    path = quote(case.formatted_path, safe="/%", errors="replace")
    return client.generic(case.method, f"{path}?{query}", raw, "application/json")
