"""Providers and routes by API: seen with ops:read, steered with ops:write."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from delivery import routing
from delivery.models import AuditEntry, Breaker, Route, Sample
from notifications.words import Mode

pytestmark = pytest.mark.django_db

URL = "/api/v1/providers"
Caller = Callable[..., APIClient]


@pytest.fixture(autouse=True)
def _two(settings: Any) -> Iterator[None]:
    settings.DELIVERY_PROVIDERS = {
        "first": {
            "BACKEND": "x.First",
            "CHANNELS": ["email", "sms"],
            "OPTIONS": {"secret": "s3cret"},
            "THROTTLE": {"per_second": 14, "account": "ses"},
        },
        "second": {"BACKEND": "x.Second", "CHANNELS": ["email"]},
    }
    settings.DELIVERY_ROUTES = {"email": ["first", "second"], "sms": ["first"]}
    routing.forget()
    yield
    routing.forget()


def steer(client: APIClient, deed: str, alias: str = "first", **body: Any) -> Any:
    return client.post(f"{URL}/{alias}/{deed}", body)


def of(answer: Any, channel: str = "email") -> dict[str, Any]:
    assert answer.status_code == 200, answer.content
    return next(one for one in answer.json()["channels"] if one["channel"] == channel)


def test_a_provider_says_how_it_is_on_each_channel_and_none_of_its_secrets(
    shop: APIClient,
) -> None:
    Sample.objects.create(
        provider="first", channel=1, accepted=3, transient=1, took=2.0, slowest=1.5
    )

    answer = shop.get(URL)

    first, second = answer.json()["results"]
    assert "s3cret" not in answer.content.decode()
    assert (first["alias"], first["backend"], second["alias"]) == ("first", "x.First", "second")
    counts = {
        "accepted": 3, "refused": 0, "transient": 1, "account": 0, "unknown": 0, "mean": 0.5,
        "slowest": 1.5,
    }  # fmt: skip
    assert first["channels"][0] == {
        "channel": "email",
        "state": "well",
        "reason": "",
        "switched_at": None,
        "open_until": None,
        "drained": False,
        "drill_until": None,
        "position": 1,
        "weight": 100,
        "enabled": True,
        "by_weight": 1.0,
        "takes": 1.0,
        "share": 1.0,
        "last_5_minutes": counts,
        "last_hour": counts,
        "waiting": 0,
        "throttle": {"account": "ses", "per_second": 14.0, "burst": 14.0},
    }
    assert [one["channel"] for one in first["channels"]] == ["email", "sms"]
    assert shop.get(f"{URL}/first").json() == first


def test_listing_providers_costs_the_same_for_any_number(shop: APIClient, settings: Any) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            shop.get(URL)
        return len(queries)

    shop.get(URL)
    for_two = cost()
    many = {f"p{number}": {"BACKEND": "x.P", "CHANNELS": ["email"]} for number in range(20)}
    settings.DELIVERY_PROVIDERS = {**settings.DELIVERY_PROVIDERS, **many}
    assert cost() == for_two == 6


def test_one_that_is_open_says_until_when_and_why(shop: APIClient) -> None:
    until = Now() + timedelta(seconds=90)
    Breaker.objects.create(provider="first", channel=1, until=until, reason="5 of 6 (503)")

    said = of(shop.get(f"{URL}/first"))

    assert (said["state"], said["reason"], said["takes"]) == ("open", "5 of 6 (503)", 0.0)
    assert said["open_until"] is not None


def test_a_provider_is_drained_on_one_channel_and_resumed(shop: APIClient) -> None:
    answer = steer(shop, "drain", channel="email", reason="an invoice is in dispute")
    again = steer(shop, "drain", channel="email")

    assert (of(answer)["state"], of(answer, "sms")["state"]) == ("drained", "well")
    assert of(again)["drained"]
    entry = AuditEntry.objects.get(action="provider.drained")
    assert (entry.actor, entry.target) == ("service:shop", "provider:first")
    assert entry.detail == {"channel": 1, "reason": "an invoice is in dispute"}
    assert of(steer(shop, "resume"))["state"] == "well"


def test_without_a_channel_it_is_drained_on_all_of_them(shop: APIClient) -> None:
    answer = steer(shop, "drain")

    assert (of(answer)["drained"], of(answer, "sms")["drained"]) == (True, True)


def test_a_drill_lasts_a_minute_unless_told_otherwise_and_is_ended_by_resume(
    shop: APIClient,
) -> None:
    started = of(steer(shop, "drill", channel="email"))

    assert (started["state"], of(shop.get(f"{URL}/first"))["state"]) == ("drilled", "drilled")
    assert AuditEntry.objects.get(action="provider.drill_started").detail["seconds"] == 60
    assert of(steer(shop, "resume"))["drill_until"] is None


@pytest.mark.parametrize("seconds", [0, 901, "long"])
def test_a_drill_has_bounds(shop: APIClient, seconds: Any) -> None:
    answer = steer(shop, "drill", seconds=seconds)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/seconds"
    assert not Breaker.objects.exists()


def test_an_open_one_is_tried_now(shop: APIClient) -> None:
    until = Now() + timedelta(seconds=90)
    Breaker.objects.create(provider="first", channel=1, until=until, reason="503")

    assert of(steer(shop, "try"))["state"] == "probing"


@pytest.mark.parametrize("deed", ["drain", "resume", "drill", "try"])
def test_what_is_not_configured_is_said_clearly(shop: APIClient, deed: str) -> None:
    assert steer(shop, deed, "nobody").status_code == 404

    answer = steer(shop, deed, "second", channel="sms")
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert fault["detail"] == "No provider 'second' carries SMS; configured for it: first."


@pytest.mark.parametrize("deed", ["drain", "resume", "drill", "try"])
def test_steering_needs_its_scope_and_a_live_key(caller: Caller, deed: str) -> None:
    assert steer(caller(scopes=["ops:read"]), deed).json()["code"] == "scope_missing"
    assert steer(caller(mode=Mode.TEST), deed).json()["code"] == "key_mode"
    assert not AuditEntry.objects.filter(target="provider:first").exists()


def test_a_route_is_listed_with_its_weights(shop: APIClient) -> None:
    by_channel = {row["channel"]: row for row in shop.get("/api/v1/routes").json()["results"]}

    assert by_channel["sms"] == {
        "channel": "sms",
        "providers": ["first"],
        "source": "settings",
        "entries": [
            {
                "provider": "first",
                "position": 1,
                "weight": 100,
                "enabled": True,
                "state": "well",
                "by_weight": 1.0,
                "takes": 1.0,
            }
        ],
    }
    assert by_channel["webhook"]["providers"] == []


def test_a_route_is_changed_and_those_not_named_stay(shop: APIClient) -> None:
    body = {"entries": [{"provider": "first", "enabled": False}], "reason": "it is down"}

    answer = shop.patch("/api/v1/routes/email", body)

    assert (answer.status_code, answer.json()["providers"]) == (200, ["second"])
    assert answer.json()["source"] == "table"
    assert shop.get("/api/v1/routes/email").json() == answer.json()
    entry = AuditEntry.objects.get(action="route.disabled")
    assert entry.detail == {"channel": 1, "reason": "it is down"}


def test_a_route_changes_wholly_or_not_at_all(shop: APIClient) -> None:
    body = {"entries": [{"provider": "first", "weight": 5}, {"provider": "nobody", "weight": 5}]}

    answer = shop.patch("/api/v1/routes/email", body)

    assert answer.json()["errors"][0]["pointer"] == "/entries/1/provider"
    assert not Route.objects.exists()
    assert not AuditEntry.objects.filter(action="route.weighed").exists()


def test_a_place_on_a_route_is_only_there_for_who_carries_the_channel(shop: APIClient) -> None:
    answer = shop.patch("/api/v1/routes/email", {"entries": [{"provider": "nobody"}]})

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "not_carried")


def test_a_channel_that_is_none_has_no_route(shop: APIClient) -> None:
    assert shop.get("/api/v1/routes/fax").status_code == 404
    assert shop.patch("/api/v1/routes/fax", {"entries": []}).status_code == 404
