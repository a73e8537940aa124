"""Operators watch providers and steer them, in a real browser, while messages leave."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db.models.functions import Now
from django.test import Client
from playwright.sync_api import Locator, Page, expect
from rest_framework.test import APIClient

from delivery import routing, steering
from delivery.health import Way
from delivery.models import Breaker, Sample
from notifications import work
from notifications.admin import access
from notifications.services.authentication import keyring
from notifications.words import Lane
from tests.e2e.conftest import DESK, PHONE
from tests.factories import make_key, make_type
from tests.fakes import scripted

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.chromium]

PAGE = "/admin/delivery/breaker/"
FIRST, SECOND = Way("first", 1), Way("second", 1)


@pytest.fixture
def two(settings: Any) -> Any:
    """Two scripted providers of email; the rest as ever."""
    settings.DELIVERY_PROVIDERS = {
        **settings.DELIVERY_PROVIDERS,
        **{
            alias: {
                "BACKEND": "tests.fakes.scripted.Scripted",
                "CHANNELS": ["email"],
                "OPTIONS": {"flight": 5},
                "THROTTLE": {"per_second": 500, "account": alias},
            }
            for alias in ("first", "second")
        },
    }
    settings.DELIVERY_ROUTES = {**settings.DELIVERY_ROUTES, "email": ["first", "second"]}
    scripted.LEDGERS.clear()
    routing.forget()
    yield scripted.LEDGERS
    routing.forget()


@pytest.fixture
def operator(site: Any, window: Callable[..., Any]) -> Callable[..., Any]:
    """Windows of somebody who may steer, and do little else."""
    access.set_groups()
    ann = User.objects.create_user("ann", password="secret-of-ann", is_staff=True)
    ann.groups.add(Group.objects.get(name="Operators"))
    client = Client()
    client.force_login(ann)
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": site.url}

    def open_window(size: Any = DESK, *, dark: bool = False) -> Any:
        seen = window(size, dark=dark)
        seen.page.context.add_cookies([cookie])
        return seen

    return open_window


@pytest.fixture
def send(two: Any) -> Callable[[int], None]:
    """Send mails to so many people, and work until all have left."""
    keyring.forget()
    make_type("order_shipped", steps=[{"channel": "email"}])
    api = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_key().secret}")
    people = iter(range(1000))

    def post(count: int) -> None:
        to = [
            {"user_id": f"u{number}", "email": f"u{number}@example.com"}
            for number, _ in zip(people, range(count), strict=False)
        ]
        answer = api.post("/api/v1/notifications", {"type": "order_shipped", "to": to})
        assert answer.status_code == 202, answer.content
        while any(work.work(lane) for lane in Lane):
            pass

    return post


def card(page: Page, alias: str) -> Locator:
    return page.locator("#email article", has=page.get_by_role("heading", name=alias))


def test_an_operator_rehearses_the_failure_of_a_provider(operator, two, send) -> None:
    desk = operator()
    page = desk.open(PAGE)
    expect(page.get_by_text("Every channel that has a provider flows.")).to_be_visible()
    card(page, "first").get_by_role("link", name="Drill…").click()
    expect(page.get_by_text("What it fails is taken by second, at once.")).to_be_visible()
    desk.shoot("providers-drill-asked")
    page.get_by_label("Why?").fill("the monthly rehearsal")
    page.get_by_label("For how long?").select_option(label="15 minutes")
    page.get_by_role("button", name="Drill").click()
    expect(page.get_by_text("first on Email fails every call from now on.")).to_be_visible()

    send(25)

    first = card(page, "first")
    expect(first).to_contain_text("20 of 20 tries failed in 30 s (drill).")
    expect(first).to_contain_text("drill begun for 15 min by ann: the monthly rehearsal")
    expect(page.locator("[aria-live]")).to_contain_text("(drill)); messages go by second.")
    expect(card(page, "second")).to_contain_text("25 taken")
    desk.shoot("providers-drill")
    assert (len(two["first"].taken), len(two["second"].taken)) == (0, 25)

    first.get_by_role("button", name="End the drill").click()
    expect(first).to_contain_text("The next message tries it.")
    desk.shoot("providers-probing")
    send(3)

    expect(first).to_contain_text("closed: the probe went through")
    expect(page.get_by_text("Every channel that has a provider flows.")).to_be_visible()
    desk.shoot("providers-well-again")
    assert len(two["first"].taken) > 0


def test_a_provider_is_drained_and_resumed_on_a_phone(operator, two: Any) -> None:
    phone = operator(PHONE)
    page = phone.open(PAGE)
    card(page, "first").get_by_role("link", name="Drain…").click()
    phone.shoot("providers-drain-asked-phone")
    page.get_by_role("button", name="Drain").click()
    assert not Breaker.objects.exists()  # the browser asks for a reason first

    page.get_by_label("Why?").fill("an invoice is in dispute")
    page.get_by_role("button", name="Drain").click()
    expect(card(page, "first")).to_contain_text("It gets no new message until somebody resumes it.")
    expect(card(page, "first")).to_contain_text("drained by ann: an invoice is in dispute")
    assert Breaker.objects.get().drained

    card(page, "first").get_by_role("button", name="Resume").click()
    expect(page.get_by_text("first on Email gets messages again.")).to_be_visible()
    assert not Breaker.objects.get().drained


def test_the_page_fits_a_phone_and_both_themes(operator, two: Any) -> None:
    """Well and busy, open for long, drained."""
    _busy_hour()
    steering.drain(Way("sandbox", 2), actor="service:ops", reason="the carrier asked us to")
    Breaker.objects.create(
        provider="first",
        channel=1,
        opens=2,
        until=Now() + timedelta(minutes=7),
        reason="41 of 60 tries failed in 30 s (421 4.7.0)",
        switched_at=Now() - timedelta(minutes=12),
    )
    routing.forget()
    for size, dark, name in ((DESK, False, "desk"), (PHONE, True, "phone-dark")):
        seen = operator(size, dark=dark)
        page = seen.open(PAGE)
        expect(card(page, "first")).to_contain_text("(421 4.7.0)")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        seen.shoot(f"providers-{name}")


def _busy_hour() -> None:
    for age in range(60):
        at = Now() - timedelta(minutes=age, seconds=20)
        failed = 40 if 5 < age < 13 else 0
        Sample.objects.create(
            provider="first" if age > 5 else "second",
            channel=1,
            at=at,
            accepted=300 + 37 * (age % 7) - 5 * failed,
            refused=age % 3,
            transient=failed,
            took=60.0,
            slowest=2.4,
        )
