"""Nothing about a person is in any log line, whatever goes wrong on the way."""

import io
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from django.db import connection
from rest_framework.test import APIClient

from delivery import dispatch
from delivery.contracts import Message
from delivery.lifecycle import OutcomeKind, State
from delivery.models import Delivery
from notifications.planning import plan
from notifications.words import Lane
from notifysite.plumbing import logs
from preferences.models import Address
from tests.factories import make_type
from tests.fakes.scripted import Ledger

pytestmark = pytest.mark.django_db
Run = Callable[[], int]

CANARIES = ["zanzibar", "quagga", "4915112345678", "15112345678", "tangerine"]
ANN = {
    "user_id": "u-1",
    "name": "Zanzibar Quagga",
    "email": "zanzibar.quagga@example.com",
    "phone": "+49 151 12345678",
    "attributes": {"nickname": "tangerine"},
}


class _Raw(logging.Handler):
    """What was logged, before anything is taken out of it."""

    def __init__(self) -> None:
        super().__init__(level=logging.DEBUG)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(f"{record.getMessage()} {record.exc_text} {record.exc_info}")


@pytest.fixture
def logged() -> Iterator[Callable[[], str]]:
    """All log lines as written, with everything on, and the records they were made of."""
    names = [None, *logs._OTHERS, *logs._TALKATIVE]
    loggers = [logging.getLogger(name) for name in names]
    before = [(one, one.handlers[:], one.level, one.propagate) for one in loggers]
    stream, raw = io.StringIO(), _Raw()
    logs.configure("DEBUG", stream=stream)
    logging.getLogger().addHandler(raw)
    yield lambda: (stream.getvalue() + "\n".join(raw.texts)).lower()
    for one, handlers, level, propagate in before:
        one.handlers, one.propagate = handlers, propagate
        one.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


def leaks(text: str) -> list[str]:
    return [canary for canary in CANARIES if canary in text]


@pytest.fixture
def told(api: APIClient, provider: Ledger) -> Callable[..., Any]:
    """Send the canary something by email and SMS."""
    make_type("secret", steps=[{"channel": "email"}, {"channel": "sms"}])

    def post(**body: Any) -> Any:
        whole = {"type": "secret", "to": ANN, "data": {"fruit": "tangerine"}, **body}
        return api.post("/api/v1/notifications", whole)

    return post


def test_a_send_that_fails_and_is_tried_again_logs_nothing_private(
    logged: Callable[[], str], told: Any, provider: Ledger, run: Run
) -> None:
    def break_off(message: Message) -> OutcomeKind:
        raise RuntimeError(f"{message.address} {message.content.subject} refused")

    provider.script = [break_off, OutcomeKind.TRANSIENT, OutcomeKind.UNKNOWN, OutcomeKind.ACCOUNT]
    assert told().status_code == 202
    for _ in range(6):
        run()
        with connection.cursor() as cursor:
            cursor.execute("UPDATE delivery SET due_at = clock_timestamp() WHERE state IN (1, 2)")
        dispatch.recover()

    assert {State(row.state) for row in Delivery.objects.all()} <= {State.SENT, State.DELIVERED}
    assert "provider_broke" in logged()
    assert leaks(logged()) == []


def test_what_the_door_refuses_is_not_logged(
    logged: Callable[[], str], told: Any, api: APIClient
) -> None:
    for to in ("zanzibar@", {**ANN, "email": "zanzibar quagga"}, {**ANN, "phone": "tangerine"}):
        told(to=to)
    api.get("/api/v1/notifications", {"user_id": "zanzibar.quagga@example.com", "x": "tangerine"})
    api.post("/api/v1/explain", {"type": "secret", "to": ANN})
    api.post("/api/v1/suppressions", {"channel": "email", "address": "zanzibar.quagga@example.com"})
    assert leaks(logged()) == []


def test_what_cannot_be_sealed_is_logged_by_its_id(
    logged: Callable[[], str], told: Any, run: Run
) -> None:
    told()
    plan.plan_due(Lane.DEFAULT)
    Address.objects.update(value=b"zanzibar.quagga@example.com, long enough to be a ciphertext")
    run()
    assert "render_failed" in logged()
    assert leaks(logged()) == []
