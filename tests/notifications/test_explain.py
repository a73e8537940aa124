"""Explain says what a send would do, by the same decision, and does nothing."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from rest_framework.test import APIClient

from delivery import routing, steering
from delivery.health import Way
from delivery.models import Breaker, MessagePrice, Suppression
from notifications.models import Decision, Notification
from notifications.words import Mode, Priority
from preferences.addresses import email
from preferences.models import Choice, Recipient
from tests.factories import make_category, make_recipient, make_type
from tests.fakes.scripted import Ledger
from tests.notifications.conftest import client_for

pytestmark = pytest.mark.django_db
Run = Callable[[], int]
ANN = {"user_id": "ann", "email": "ann@example.com", "name": "Ann"}


def ask(api: APIClient, **body: Any) -> dict[str, Any]:
    answer = api.post("/api/v1/explain", {"type": "order_shipped", **body}, format="json")
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def person(api: APIClient, **body: Any) -> dict[str, Any]:
    (found,) = ask(api, **body)["recipients"]
    return dict(found)


def always_quiet() -> dict[str, Any]:
    days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    return {"days": {day: [{"start": "00:00", "end": "23:59"}] for day in days}}


# What makes the world of each case, before the same request is explained and sent.
WORLDS: dict[str, Callable[[], Any]] = {
    "nothing special": lambda: None,
    "email off": lambda: Choice.objects.create(
        recipient=make_recipient("ann", email="ann@example.com"),
        channel=1,
        enabled=False,
        source="person",
    ),
    "suppressed": lambda: Suppression.objects.create(
        channel=1, address_hash=email("ann@example.com").hash, reason=1
    ),
    "paused": lambda: make_recipient("ann", paused_until=datetime.now(UTC) + timedelta(days=1)),
    "quiet": lambda: make_recipient("ann", quiet_hours=always_quiet()),
    "known by another address": lambda: make_recipient("ann", email="old@example.com"),
}


@pytest.mark.parametrize("world", WORLDS)
def test_what_is_explained_is_what_a_send_then_does(
    api: APIClient, provider: Ledger, run: Run, world: str
) -> None:
    make_type("order_shipped")
    WORLDS[world]()

    told = person(api, to=ANN)
    api.post("/api/v1/notifications", {"type": "order_shipped", "to": ANN}, format="json")
    run()

    done = Decision.objects.get(id=Notification.objects.get().decision_id).body
    assert [
        {name: step[name] for name in done[0] if name != "until"} for step in told["steps"]
    ] == [{name: value for name, value in step.items() if name != "until"} for step in done]
    assert [step["until"] is None for step in told["steps"]] == [
        step["until"] is None for step in done
    ]


def test_every_gate_is_named_in_order_with_what_it_looked_at(
    api: APIClient, provider: Ledger
) -> None:
    make_type("order_shipped")
    Suppression.objects.create(channel=1, address_hash=email("ann@example.com").hash, reason=1)

    mail = person(api, to=ANN)["steps"][0]

    assert [gate["gate"] for gate in mail["gates"]] == [
        "type", "channels", "template", "provider", "expiry", "guest_list", "erased", "paused",
        "wishes", "audience", "snoozed", "address", "condition", "quiet_hours",
    ]  # fmt: skip
    stopped = next(gate for gate in mail["gates"] if not gate["passed"])
    assert (stopped["gate"], stopped["reason"], stopped["source"]) == (
        "address",
        "suppressed",
        "suppression",
    )
    assert [gate["reached"] for gate in mail["gates"]][-2:] == [False, False]


def test_it_shows_the_words_the_provider_and_when(api: APIClient, provider: Ledger) -> None:
    make_type(
        "order_shipped",
        steps=[{"channel": "email"}],
        words={"email": {"subject": "For {{ recipient.name }}", "body": "<p>Hi</p>"}},
    )

    (mail,) = person(api, to=ANN)["steps"]

    assert mail["content"]["subject"] == "For Ann"
    assert (mail["provider"], mail["alternatives"]) == ("scripted", [])
    assert mail["would_send_at"] is not None


@pytest.mark.parametrize(
    ("amount", "cost"),
    [
        ("0.0004", {"amount": "0.0004", "currency": "EUR", "as_of": "2026-01-31"}),
        ("0", {"amount": "0", "currency": "EUR", "as_of": "2026-01-31"}),
        (None, None),
    ],
)
def test_a_step_that_leaves_says_what_it_roughly_costs_and_null_where_unknown(
    api: APIClient, provider: Ledger, amount: str | None, cost: Any
) -> None:
    make_type("order_shipped", steps=[{"channel": "email"}, {"channel": "in_app"}])
    MessagePrice.objects.create(channel=1, amount=amount, currency="EUR", as_of="2026-01-31")

    assert [step["cost"] for step in person(api, to=ANN)["steps"]] == [cost, None]


@pytest.mark.parametrize("known", [True, False])
def test_an_sms_costs_by_its_segments_and_its_country(
    api: APIClient, provider: Ledger, known: bool
) -> None:
    make_type(
        "order_shipped",
        category=make_category(default_channels=[2]),
        steps=[{"channel": "sms"}],
        words={"sms": {"text": "a" * 161}},
    )
    for prefix, amount in (("", "1"), ("+49", "0.075")):
        MessagePrice.objects.create(
            channel=2, prefix=prefix, amount=amount, currency="EUR", as_of="2026-01-31"
        )
    make_recipient("ann", phone="+491701234567" if known else "+447700900123")
    to = "ann" if known else {"user_id": "ann", "phone": "+491701234567"}

    (sms,) = person(api, to=to)["steps"]

    assert sms["cost"] == {"amount": "0.15", "currency": "EUR", "as_of": "2026-01-31"}


def test_a_step_that_is_skipped_costs_nothing_that_could_be_told(
    api: APIClient, provider: Ledger
) -> None:
    make_type("order_shipped", steps=[{"channel": "email"}])
    MessagePrice.objects.create(channel=1, amount="1", currency="EUR", as_of="2026-01-31")

    assert [step["cost"] for step in person(api, to="nobody")["steps"]] == [None]


def test_an_sms_says_how_many_segments_it_takes_and_what_makes_them_more(
    api: APIClient, provider: Ledger
) -> None:
    make_type(
        "order_shipped",
        steps=[{"channel": "sms"}, {"channel": "email"}],
        words={
            "sms": {"text": "For {{ recipient.name }} — today"},
            "email": {"subject": "s", "body": "b"},
        },
    )

    sms, mail = person(api, to=ANN)["steps"]

    assert sms["sms"] == {
        "characters": 15, "encoding": "UCS-2", "units": 15, "segments": 1, "forcing": ["—"],
    }  # fmt: skip
    assert "sms" not in mail


@pytest.fixture
def two_ways(settings: Any, provider: Ledger) -> None:
    """A second provider of email, behind the scripted one."""
    settings.DELIVERY_ROUTES = {**settings.DELIVERY_ROUTES, "email": ["scripted", "sandbox"]}
    make_type("order_shipped", steps=[{"channel": "email"}])


def test_it_names_who_would_take_it_now_and_why_not_the_first(
    api: APIClient, two_ways: None
) -> None:
    until = Now() + timedelta(seconds=90)
    Breaker.objects.create(provider="scripted", channel=1, until=until, reason="5 of 6 (503)")
    routing.forget()

    (mail,) = person(api, to=ANN)["steps"]

    (passed,) = mail["passed_over"]
    assert (mail["provider"], mail["alternatives"]) == ("sandbox", ["scripted"])
    assert (passed["provider"], passed["state"], passed["reason"]) == (
        "scripted", "open", "5 of 6 (503)",
    )  # fmt: skip
    assert passed["until"].endswith("Z")


def test_where_nobody_would_take_it_now_each_says_why(api: APIClient, two_ways: None) -> None:
    for alias in ("scripted", "sandbox"):
        steering.drain(Way(alias, 1), actor="test")

    (mail,) = person(api, to=ANN)["steps"]

    assert (mail["provider"], mail["alternatives"]) == (None, ["scripted", "sandbox"])
    assert [(one["provider"], one["state"], one["until"]) for one in mail["passed_over"]] == [
        ("scripted", "drained", None),
        ("sandbox", "drained", None),
    ]


def test_who_stands_by_is_not_passed_over(api: APIClient, two_ways: None) -> None:
    steering.drain(Way("sandbox", 1), actor="test")

    (mail,) = person(api, to=ANN)["steps"]

    assert (mail["provider"], mail["passed_over"]) == ("scripted", [])


def test_what_is_for_later_says_when(api: APIClient, provider: Ledger) -> None:
    make_type("order_shipped", steps=[{"channel": "in_app"}])
    later = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)

    (step,) = person(api, to="ann", send_at=later.isoformat())["steps"]

    assert (step["outcome"], step["would_send_at"]) == (
        "hold",
        later.isoformat().replace("+00:00", "Z"),
    )


def test_a_team_key_explains_who_is_no_guest(provider: Ledger) -> None:
    make_type("order_shipped", steps=[{"channel": "in_app"}])

    (step,) = person(client_for(Mode.TEAM), to="ann")["steps"]

    assert step["reason"] == "not_on_guest_list"


def test_a_critical_type_passes_the_night(api: APIClient, provider: Ledger) -> None:
    make_type(
        "order_shipped",
        priority=Priority.CRITICAL,
        category=make_category(kind=1),
        steps=[{"channel": "email"}],
    )
    make_recipient("ann", quiet_hours=always_quiet())

    (step,) = person(api, to=ANN)["steps"]

    assert step["outcome"] == "send"


def test_it_refuses_what_a_send_would_refuse(api: APIClient, provider: Ledger) -> None:
    make_type("order_shipped")
    answer = api.post("/api/v1/explain", {"type": "nope", "to": "ann"}, format="json")

    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_type")


def test_explaining_writes_nothing(api: APIClient, provider: Ledger) -> None:
    make_type("order_shipped")
    make_recipient("bo", email="bo@example.com")
    api.get("/api/v1/notifications")  # the key's last use is written by now

    before = counts()
    ask(api, to=[ANN, "bo", {"user_id": "bea", "email": "bea@example.com"}])

    assert counts() == before
    assert not Recipient.objects.filter(user_id="ann").exists()


def counts() -> dict[str, tuple[int, ...]]:
    """Inserts, updates and deletes of this transaction, by table."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_xact_user_tables"
        )
        return {name: tuple(numbers) for name, *numbers in cursor.fetchall()}


def test_words_for_every_channel_are_named_with_their_place(
    api: APIClient, provider: Ledger
) -> None:
    make_type(
        "order_shipped",
        steps=[{"channel": "sms"}, {"channel": "in_app"}],
        words={"sms": {"text": "Own"}, "general": {"title": "General", "body": "b"}},
    )

    sms, in_app = person(api, to={"user_id": "ann", "phone": "+15555550100"})["steps"]

    assert sms["template"] == {"channel": "sms", "locale": "en", "number": 1}
    assert sms["content"]["text"] == "Own"
    assert in_app["template"] == {"channel": "general", "locale": "en", "number": 1}
    assert in_app["content"]["title"] == "General"


def test_a_channel_without_any_words_says_that_there_are_none_for_every_channel_either(
    api: APIClient, provider: Ledger
) -> None:
    words = {"email": {"subject": "s", "body": "b"}}
    make_type("order_shipped", steps=[{"channel": "sms"}], words=words)

    (step,) = person(api, to="ann")["steps"]

    assert (step["outcome"], step["reason"], step["template"]) == ("skip", "no_template", None)
    assert {gate["gate"]: gate["value"] for gate in step["gates"]}["template"] == (
        "nothing published for sms, nor for every channel"
    )
