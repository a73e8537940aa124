"""People's pages in a real browser: on phones and desks, with JavaScript switched off."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from delivery.channels import EMAIL, IN_APP, MOBILE_PUSH
from delivery.models import Delivery
from notifications import work
from notifications.catalog import versions
from notifications.intake.accept import accept
from notifications.intake.request import Addressee, SendRequest
from notifications.models import NotificationType
from notifications.services import own
from notifications.words import Lane
from notifysite.plumbing.ids import uuid7
from preferences import categories, links, topics, wishes
from preferences.models import Category, CategoryKind, Recipient
from preferences.wanted import Wanted
from preferences.wishes import By
from tests.e2e.conftest import DESK, PHONE
from tests.factories import make_category, make_recipient, make_topic, make_type

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.chromium]


@pytest.fixture
def ann(site) -> Recipient:
    german = {"de": {"name": "Bestellungen", "description": "Was aus deinen Bestellungen wird."}}
    make_category(
        "orders",
        name="Orders",
        description="What becomes of what you bought.",
        position=1,
        translations=german,
    )
    make_category(
        "security",
        name="Security",
        description="Logins, passwords, and whoever tries them.",
        kind=CategoryKind.SECURITY,
        mandatory=True,
        position=2,
        default_channels=[EMAIL.number],
    )
    make_category(
        "parcels",
        name="Parcels on their way",
        description="Where they are, and when they come.",
        position=3,
        default_channels=[MOBILE_PUSH.number, IN_APP.number],
    )
    make_category(
        "news",
        name="Newsletter",
        description="Once a month, what is new.",
        kind=CategoryKind.MARKETING,
        position=4,
    )
    make_topic("roses", description="What they love, and what they do not.")
    make_topic("ferns", name="Ferns and other things that grow in the shade")
    return make_recipient(
        "ann", email="ann@example.com", phone="+491701234567", timezone="Europe/Berlin"
    )


def on(person: Recipient, category: str) -> list[str]:
    loaded = wishes.load([person.pk])[person.pk]
    said = wishes.effective(loaded, categories.every(), now=timezone.now())
    return [k for k, v in said["categories"][category]["channels"].items() if v["enabled"]]


def path(url: str) -> str:
    return "/" + url.split("/", 3)[3]


@pytest.mark.parametrize(("size", "dark"), [(DESK, False), (PHONE, True)], ids=["desk", "phone"])
def test_choices_are_made_without_javascript(window, ann: Recipient, size, dark: bool) -> None:
    name = f"centre-{'phone' if size == PHONE else 'desk'}-{'dark' if dark else 'light'}"
    seen = window(size, javascript=False, dark=dark)
    page = seen.open(path(links.preferences_url(ann.subject)))
    seen.shoot(name)

    page.get_by_label("Orders: Email").uncheck()
    page.get_by_label("Newsletter: Text message").check()
    page.get_by_label("Roses").check()
    page.get_by_label("The same every day").check()
    page.locator("[name='every:0:start']").fill("22:00")
    page.locator("[name='every:0:end']").fill("07:00")
    page.locator("tr#parcels summary").click()
    page.locator("[name='snooze:parcels']").select_option("7")
    page.get_by_role("button", name="Save my choices").click()

    expect(page.get_by_role("status")).to_contain_text("Saved.")
    seen.shoot(f"{name}-saved")
    assert on(ann, "orders") == ["in_app"]
    assert on(ann, "news") == ["sms"]
    assert topics.set_of(ann.pk) == {"roses"}
    assert page.locator("[name='every:0:start']").input_value() == "22:00"
    wide = page.locator("body").bounding_box()["width"]
    assert wide <= size["width"]


def test_a_mistake_is_shown_beside_its_field(window, ann: Recipient) -> None:
    seen = window(DESK, javascript=False)
    page = seen.open(path(links.preferences_url(ann.subject)))

    page.get_by_label("Day by day").check()
    page.locator("[name='monday:0:start']").fill("22:00")
    page.get_by_role("button", name="Save my choices").click()

    expect(page.locator(".window", has_text="Monday")).to_contain_text("Both times are needed")
    assert page.locator("[name='monday:0:start']").input_value() == "22:00"
    seen.shoot("centre-mistake")


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_unsubscribing_and_taking_it_back(window, ann: Recipient, size) -> None:
    name = f"unsubscribe-{'phone' if size == PHONE else 'desk'}"
    seen = window(size, javascript=False)
    before = on(ann, "orders")
    page = seen.open(path(links.unsubscribe_url(ann.subject, "orders", uuid7())))
    seen.shoot(f"{name}-ask")
    assert on(ann, "orders") == before

    page.get_by_role("button", name="Unsubscribe").click()
    expect(page.get_by_role("status")).to_have_text("You are unsubscribed")
    seen.shoot(f"{name}-done")
    assert on(ann, "orders") == []

    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("status")).to_have_text("Everything is as before")
    assert on(ann, "orders") == before


def test_the_page_speaks_german(window, ann: Recipient) -> None:
    said = {"locale": "de", "categories": {"orders": {"channels": {"sms": {"enabled": True}}}}}
    said["paused_until"] = (timezone.now() + timedelta(days=3)).isoformat()
    by = By(actor="test", source="person")
    wishes.set_preferences(ann.pk, said, by=by, now=timezone.now())
    seen = window(DESK, javascript=False)

    page = seen.open(path(links.full_preferences_url(ann.subject, now=timezone.now())))

    expect(page.get_by_role("heading", level=1)).to_have_text("Deine Benachrichtigungen")
    seen.shoot("centre-german")


@pytest.fixture
def told(ann: Recipient) -> Recipient:
    """Ann was told of an order, all the way, by what takes messages where nobody is to get any."""
    versions.forget()
    kind = make_type(
        "order_shipped",
        description="The parcel has left.",
        category=Category.objects.get(key="orders"),
        words={
            "email": {"subject": "Order 7 is on its way", "body": "<p>Hello!</p><p>It left.</p>"},
            "in_app": {"title": "Order 7 is on its way", "body": "It left our house today."},
        },
    )
    NotificationType.objects.filter(pk=kind.pk).update(name="Order shipped")
    to = (Addressee(wanted=Wanted(user_id="ann")),)
    accept(SendRequest(type="order_shipped", to=to), caller=own.caller())
    while sum(work.work(lane) for lane in Lane):
        pass
    return ann


def test_history_why_and_the_message_hang_together(window, told: Recipient) -> None:
    seen = window(DESK, javascript=False)
    page = seen.open(path(links.full_preferences_url(told.subject, now=timezone.now())))

    page.get_by_role("link", name="History").click()
    expect(page.get_by_role("heading", level=3)).to_contain_text("Order 7 is on its way")
    seen.shoot("history")
    page.locator(".way", has_text="Email").get_by_role("link", name="why?").click()
    expect(page.get_by_role("main")).to_contain_text("come this way unless you say otherwise")
    page.get_by_text("Step by step").click()
    seen.shoot("why")
    page.get_by_role("link", name="See the message").click()

    frame = page.frame_locator("iframe")
    expect(frame.get_by_text("It left.")).to_be_visible()
    seen.shoot("view", whole=False)


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_every_page_fits_its_window(window, told: Recipient, size) -> None:
    seen = window(size, javascript=False)
    now, name = timezone.now(), f"{size['width']}"
    root = path(links.full_preferences_url(told.subject, now=now))
    mail = Delivery.objects.get(recipient_id=told.pk, channel=EMAIL.number)
    pages = {
        "home": "/",
        "link": "/preferences/link/",
        "yours": f"{root}yours/",
        "history": root.replace("/preferences/", "/inbox/"),
        "why": path(links.why_url(told.subject, mail.id)),
        "view": path(links.view_url(told.subject, mail.id)),
        "needed": path(links.unsubscribe_url(told.subject, "security", uuid7())),
        "broken": "/preferences/x/",
    }

    for title, url in pages.items():
        page = seen.open(url)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], title
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        seen.shoot(f"{title}-{name}")
