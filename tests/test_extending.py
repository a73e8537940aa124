"""What CONTRIBUTING promises: a provider is a file and an entry, a channel a few places more."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.core.checks import run_checks
from django.core.management import call_command
from django.utils import timezone
from rest_framework.test import APIClient

from delivery import channels, routing
from delivery.lifecycle import State
from delivery.models import Attempt, Delivery
from notifications import work
from notifications.catalog import versions
from notifications.rendering.checks import problems
from notifications.services.authentication import keyring
from notifications.words import Lane
from preferences import addresses, devices
from tests.factories import make_category, make_key, make_recipient, make_type
from tests.fakes.pigeons import CARRIER_PIGEON, Loft

pytestmark = pytest.mark.django_db
LOFT = "tests.fakes.pigeons.Loft"


@pytest.fixture(autouse=True)
def _fresh(settings: Any) -> Iterator[None]:
    Loft.carried.clear()
    routing.forget()
    versions.forget()
    keyring.forget()
    yield
    routing.forget()


@pytest.fixture
def carrier_pigeon(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The channel as an installation adds it; the registry is as it was afterwards."""
    for registry in ("_by_number", "_by_key"):
        monkeypatch.setattr(channels, registry, dict(getattr(channels, registry)))
    settings.EXTRA_CHANNELS = ["tests.fakes.pigeons.CARRIER_PIGEON"]
    apps.get_app_config("delivery").ready()


def install(settings: Any, *, alias: str, channel: str) -> None:
    """The entry and the route, and nothing else."""
    entry = {"BACKEND": LOFT, "CHANNELS": [channel], "OPTIONS": {"flight": 5}}
    settings.DELIVERY_PROVIDERS = {**settings.DELIVERY_PROVIDERS, alias: entry}
    settings.DELIVERY_ROUTES = {**settings.DELIVERY_ROUTES, channel: [alias]}


def send(type_key: str, to: Any) -> dict[str, Any]:
    """Ask by the API, work until nothing is due, and ask the API what became of it."""
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_key().secret}")
    asked = client.post("/api/v1/notifications", {"type": type_key, "to": to}, format="json")
    assert asked.status_code == 202, asked.content
    while sum(work.work(lane) for lane in Lane):
        pass
    return dict(client.get(asked.json()["notifications"][0]["url"]).json())


def test_a_provider_added_by_settings_alone_carries_a_notification(settings: Any) -> None:
    install(settings, alias="flags", channel="sms")
    make_type("low_tide", steps=[{"channel": "sms"}], category=make_category(default_channels=[2]))

    found = send("low_tide", {"user_id": "ann", "phone": "+491713920001"})

    assert Loft.carried == [("flags", "+491713920001", "Hello")]
    (delivery,) = found["deliveries"]
    assert (delivery["status"], delivery["provider"]) == ("sent", "flags")
    assert found["status"] == "done"
    assert Attempt.objects.get().provider_ref == "ring-1"


def test_a_channel_of_ones_own_carries_a_notification(settings: Any, carrier_pigeon: None) -> None:
    install(settings, alias="loft", channel="carrier_pigeon")
    kind = make_type(
        "low_tide",
        steps=[{"channel": "carrier_pigeon"}, {"channel": "email", "condition": 3}],
        category=make_category(default_channels=[CARRIER_PIGEON.number]),
        words={"carrier_pigeon": {"title": "Tide", "body": "Low at {{ recipient.timezone }}"}},
    )
    ann = make_recipient("ann", timezone="Europe/London")
    home = addresses.normalise(CARRIER_PIGEON, "loft-7")
    devices.register(ann.pk, home, label="The tower", actor="test", now=timezone.now())

    found = send(kind.key, "ann")

    assert Loft.carried == [("loft", "loft-7", "Low at Europe/London")]
    assert [(one["channel"], one["status"]) for one in found["deliveries"]] == [
        ("carrier_pigeon", "sent")
    ]
    assert Delivery.objects.get().state == State.SENT


def test_a_new_channel_has_what_it_needs_or_a_check_says_so(
    settings: Any, carrier_pigeon: None
) -> None:
    install(settings, alias="loft", channel="carrier_pigeon")

    assert [one.id for one in run_checks() if "carrier_pigeon" in f"{one}"] == []


def test_a_new_channel_needs_no_migration(carrier_pigeon: None) -> None:
    ours = ("notifications", "preferences", "delivery")
    call_command("makemigrations", *ours, check_changes=True, dry_run=True, verbosity=0)


def test_an_editor_is_told_what_the_channel_cannot_do_without(carrier_pigeon: None) -> None:
    found = problems("carrier_pigeon", {"title": "Tide"})

    assert [(one.where, one.message) for one in found] == [("body", "This is empty.")]
