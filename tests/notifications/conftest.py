"""The whole path with a scripted email provider; the inbox is the real one."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections
from rest_framework.test import APIClient

from delivery import routing
from notifications import housekeeping, work
from notifications.callbacks import listeners
from notifications.catalog import versions
from notifications.services.authentication import keyring
from notifications.words import Lane, Mode
from tests import factories
from tests.fakes import scripted

CHANNELS = ["email", "sms", "web_push", "mobile_push", "webhook", "chat"]


@pytest.fixture
def provider(settings: Any) -> Iterator[scripted.Ledger]:
    """One scripted provider behind every channel but in-app."""
    settings.DELIVERY_PROVIDERS = {
        **settings.DELIVERY_PROVIDERS,
        "scripted": {
            "BACKEND": "tests.fakes.scripted.Scripted",
            "CHANNELS": CHANNELS,
            "OPTIONS": {"flight": 50},
        },
    }
    settings.DELIVERY_ROUTES = {
        **{key: ["scripted"] for key in CHANNELS},
        "in_app": ["inbox"],
    }
    scripted.LEDGERS.clear()
    scripted.LEDGERS["scripted"] = scripted.Ledger()
    routing.forget()
    versions.forget()
    listeners.forget()
    yield scripted.LEDGERS["scripted"]
    routing.forget()


@pytest.fixture
def api(db: None) -> APIClient:
    """A client with a live key of a service of its own."""
    return client_for(Mode.LIVE)


def client_for(mode: Mode, service: Any = None) -> APIClient:
    """A client with a fresh key."""
    issued = factories.make_key(service, mode=mode)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {issued.secret}")
    return client


@pytest.fixture(autouse=True)
def _fresh_keyring() -> None:
    """Keys are remembered for seconds; rows of other tests are gone by then."""
    keyring.forget()


@pytest.fixture
def run() -> Callable[[], int]:
    """Work on everything that is due, in every lane, until nothing is."""

    def until_done() -> int:
        total = 0
        while done := sum(work.work(lane) for lane in Lane):
            total += done
        return total

    return until_done


@pytest.fixture
def house_taken(transactional_db: None) -> Iterator[Callable[[], None]]:
    """Somebody else keeps house, in a session of their own, until this is called."""
    taken, done = threading.Event(), threading.Event()

    def keep() -> None:
        with housekeeping.alone() as mine:
            assert mine
            taken.set()
            done.wait(10)
        connections.close_all()

    def leave() -> None:
        done.set()
        other.join()

    other = threading.Thread(target=keep)
    other.start()
    assert taken.wait(10)
    yield leave
    leave()
