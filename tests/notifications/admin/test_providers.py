"""Providers on the desk: what is said first, and what operators do about it."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse

from delivery import routing
from delivery.hooks import counts
from delivery.models import AuditEntry, Breaker, Route, Sample
from notifications import figures

pytestmark = pytest.mark.django_db

PAGE = "/admin/delivery/breaker/"


@pytest.fixture(autouse=True)
def _two(settings: Any) -> Iterator[None]:
    """Email by two providers, SMS by one, and nothing else."""
    scripted = {"BACKEND": "tests.fakes.scripted.Scripted"}
    settings.DELIVERY_PROVIDERS = {
        "first": {**scripted, "CHANNELS": ["email", "sms"]},
        "second": {**scripted, "CHANNELS": ["email"]},
        "spare": {**scripted, "CHANNELS": ["email"]},
    }
    settings.DELIVERY_ROUTES = {"email": ["first", "second"], "sms": ["first"]}
    routing.forget()
    yield
    routing.forget()


def deed(
    desk: Client, key: str, *, channel: str = "email", alias: str = "first", **said: Any
) -> Any:
    url = reverse("admin:delivery_breaker_deed", args=[channel, alias, key])
    return desk.post(url, said, follow=True)


def meant(desk: Client, key: str, *, channel: str = "email", alias: str = "first") -> str:
    url = reverse("admin:delivery_breaker_deed", args=[channel, alias, key])
    return " ".join(desk.get(url).context["means"])


def first_said(desk: Client) -> dict[str, tuple[str, str]]:
    return {
        one.spec.key: (one.pill.word, one.verdict)
        for one in desk.get(PAGE).context["channels"]
        if one.spec.key in ("email", "sms")
    }


def answered(alias: str, **values: Any) -> None:
    Sample.objects.create(provider=alias, channel=1, **values)


def is_open(alias: str) -> None:
    until = Now() + timedelta(seconds=90)
    Breaker.objects.create(provider=alias, channel=1, until=until, reason="5 of 6 failed (503)")


def test_while_all_is_well_nothing_else_is_said(desk: Client) -> None:
    assert "Every channel that has a provider flows." in desk.get(PAGE).content.decode()
    assert first_said(desk) == {"email": ("Flows", "By first."), "sms": ("Flows", "By first.")}


def test_a_channel_that_was_never_given_a_provider_is_no_alarm(desk: Client) -> None:
    (webhook,) = [one for one in desk.get(PAGE).context["channels"] if one.spec.key == "webhook"]

    assert (webhook.pill.word, webhook.troubled) == ("No provider", False)


def test_a_channel_whose_last_provider_was_taken_away_is_one(desk: Client) -> None:
    deed(desk, "disable", channel="sms", reason="why")

    assert [one.spec.key for one in desk.get(PAGE).context["troubled"]] == ["sms"]


def test_a_channel_that_stands_still_comes_first(desk: Client) -> None:
    is_open("second")
    deed(desk, "drain", alias="first", reason="x")

    (first, *_) = desk.get(PAGE).context["troubled"]

    assert (first.spec.key, first.pill.word) == ("email", "Stands still")
    assert first.verdict == (
        "Nothing leaves: first is drained; second is open (5 of 6 failed (503))."
    )


def test_it_is_said_who_takes_the_messages_of_one_that_is_open(desk: Client) -> None:
    is_open("first")

    assert first_said(desk)["email"] == (
        "By others",
        "first is open (5 of 6 failed (503)); messages go by second.",
    )


def test_one_that_fails_much_and_is_not_open_yet_is_named(desk: Client) -> None:
    answered("first", accepted=15, transient=5)

    assert first_said(desk)["email"] == ("Failing", "Of its last messages first fails 25%.")


@pytest.mark.parametrize("values", [{"accepted": 95, "transient": 5}, {"transient": 9}])
def test_a_few_failures_are_no_trouble(desk: Client, values: dict[str, int]) -> None:
    answered("first", **values)

    assert first_said(desk)["email"][0] == "Flows"


def test_a_drill_is_called_one(desk: Client) -> None:
    deed(desk, "drill", reason="rehearsal", seconds="300")

    assert first_said(desk)["email"] == (
        "Drill",
        "Every call to first fails on purpose; second takes what it fails.",
    )


def test_who_called_at_its_hook_is_shown(desk: Client) -> None:
    counts.add("first", Counter(heard=1_200, taken=3_000, forged=2))

    shown = desk.get(PAGE).context["channels"][0].ways[0]

    said = re.sub(r"last \d+ s", "last moments", dict(shown.facts)["Hook"])
    assert said == "1,200 heard, last moments ago; 2 forged, last moments ago"


def test_what_it_answered_and_how_fast_is_shown(desk: Client) -> None:
    answered("first", accepted=3, refused=1, unknown=1, took=1.0, slowest=0.9)
    for bucket, count in (("0.05", 94), ("0.25", 2), ("+Inf", 4)):
        labels = figures.label(channel="email", provider="first", le=bucket)
        figures.add({(figures.PROVIDER_CALL, labels): count})

    shown = desk.get(PAGE).context["channels"][0].ways[0]

    assert dict(shown.facts) == {
        "Last 5 min": "3 taken, 1 refused, 1 answers lost",
        "Last hour": "3 taken, 1 refused, 1 answers lost",
        "Answers in": "200 ms on average, 900 ms at most; 95 % within 250 ms today",
        "Share": "100% in the last hour; its weight gives it 100%",
    }
    assert [bar.x for bar in shown.bars] == [236]


DEEDS: dict[str, tuple[dict[str, str], str]] = {
    "drain": ({"reason": "why"}, "provider.drained"),
    "drill": ({"reason": "why", "seconds": "60"}, "provider.drill_started"),
    "disable": ({"reason": "why"}, "route.disabled"),
    "weigh": ({"reason": "why", "weight": "7"}, "route.weighed"),
}


@pytest.mark.parametrize("key", DEEDS)
def test_a_deed_is_done_with_who_and_why(
    desk: Client, boss: User, told: Callable[[Any], list[str]], key: str
) -> None:
    said, action = DEEDS[key]

    assert told(deed(desk, key, **said))[0].startswith("first on Email ")

    entry = AuditEntry.objects.get(action=action)
    assert (entry.actor, entry.target) == (f"admin:{boss.pk}", "provider:first")
    assert (entry.detail["reason"], entry.detail["channel"]) == ("why", 1)


@pytest.mark.parametrize("key", DEEDS)
def test_what_stops_or_moves_messages_asks_why(desk: Client, key: str) -> None:
    response = deed(desk, key, **{**DEEDS[key][0], "reason": " "})

    assert response.status_code == 422
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("key", [*DEEDS, "resume", "end-drill", "try"])
def test_looking_at_a_deed_does_nothing(desk: Client, key: str) -> None:
    url = reverse("admin:delivery_breaker_deed", args=["email", "first", key])

    assert desk.get(url).status_code == 200
    assert not Breaker.objects.exists()
    assert not Route.objects.exists()


def test_what_helps_is_done_at_once(desk: Client, told: Callable[[Any], list[str]]) -> None:
    deed(desk, "drain", reason="why")
    assert told(deed(desk, "resume")) == ["first on Email gets messages again."]
    assert told(deed(desk, "resume")) == ["first on Email was not drained."]

    deed(desk, "drill", reason="why", seconds="60")
    assert "is called again" in told(deed(desk, "end-drill"))[0]

    is_open("second")
    assert told(deed(desk, "try", alias="second")) == [
        "second on Email is tried with the next message."
    ]


def test_who_switched_it_is_named(desk: Client) -> None:
    deed(desk, "drain", reason="an invoice is in dispute")

    ((_, words),) = desk.get(PAGE).context["channels"][0].ways[0].switches

    assert words == "drained by boss: an invoice is in dispute"


def test_a_deed_says_beforehand_who_takes_over_and_who_does_not(desk: Client) -> None:
    assert "go by second." in meant(desk, "drain")
    assert "taken by second, at once" in meant(desk, "drill")
    assert "messages go by second." in meant(desk, "disable")
    assert "they wait until it is resumed" in meant(desk, "drain", channel="sms")
    assert "may be given up" in meant(desk, "drill", channel="sms")
    assert "FAIL with no_provider" in meant(desk, "disable", channel="sms")


def test_one_that_stands_by_is_put_on_the_route_last(desk: Client) -> None:
    assert desk.get(PAGE).context["channels"][0].spare == ["spare"]
    deed(desk, "enable", alias="spare", reason="both others are down")

    assert routing.aliases(1, mode=1) == ["first", "second", "spare"]


@pytest.mark.parametrize(
    "args",
    [
        ("email", "nobody", "drain"), ("sms", "second", "drain"), ("fax", "first", "drain"),
        ("email", "first", "explode"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_not_found(desk: Client, args: tuple[str, ...]) -> None:
    assert desk.post(reverse("admin:delivery_breaker_deed", args=args)).status_code == 404


def test_who_may_only_look_is_offered_nothing(staff: Callable[[str], Client]) -> None:
    deed(staff("Operators"), "drain", reason="why")

    page = staff("Support").get(PAGE).content.decode()

    assert "It gets no new message until somebody resumes it." in page
    assert reverse("admin:delivery_breaker_deed", args=["email", "first", "resume"]) not in page


def test_the_first_page_names_who_is_not_well(desk: Client) -> None:
    is_open("first")

    numbers = {one.label: one for one in desk.get("/admin/").context["numbers"]}

    number = numbers["Providers that are well"]
    assert (number.value, number.about, number.url) == ("2 of 3", "not: first", PAGE)
