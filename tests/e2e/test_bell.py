"""The bell in a real browser: live, over a real socket, and never more than text."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from delivery.channels import IN_APP
from delivery.contracts import Action, Content, Message
from delivery.inbox import items, waking
from delivery.inbox.items import Mark
from delivery.inbox.provider import Inbox
from delivery.models import InboxItem
from notifications import work
from notifications.catalog import versions
from notifications.demo import access, content, people
from notifications.words import Lane
from notifysite.plumbing.ids import uuid7
from preferences.models import Recipient
from tests.e2e.conftest import DESK, PHONE

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.chromium]


@pytest.fixture
def sam(site, settings) -> Recipient:
    """The shop and its first customer."""
    settings.EMBEDDED = True
    versions.forget()
    content.make()
    people.make()
    access.ensure_keys({})
    return Recipient.objects.get(user_id=people.FIRST)


@pytest.fixture
def put(sam: Recipient) -> Callable[..., None]:
    """Store an item in Sam's inbox, as a delivery does."""

    def store(title: str, **fields) -> None:
        silent = fields.pop("silent", False)
        said = Content(title=title, **{"text": "It is on its way."} | fields)
        message = Message(
            reference=uuid7(),
            notification=uuid7(),
            recipient=sam.pk,
            channel=IN_APP.number,
            address="",
            content=said,
            category="orders",
            type="order_shipped",
            silent=silent,
        )
        assert [outcome.kind.name for outcome in Inbox("inbox").send([message])] == ["DELIVERED"]

    return store


def bell(page: Page):
    return page.get_by_role("button", name=re.compile("^Notifications"))


def connected(page: Page) -> None:
    """Wait until the socket is open: only then does anything come live."""
    expect(page.locator("notifysite-bell[data-live]")).to_have_count(1)


def rows(page: Page):
    return page.locator("notifysite-bell .item")


def toasts(page: Page):
    return page.locator("notifysite-bell .toast")


def test_what_is_sent_from_the_page_comes_to_its_bell(window, sam: Recipient) -> None:
    seen = window(DESK)
    page = seen.open("/demo/")
    connected(page)
    seen.shoot("demo-desk", whole=False)

    page.get_by_role("button", name="Tell me").click()
    expect(page.locator("#said")).to_have_text("“Order shipped” is on its way.")
    while sum(work.work(lane) for lane in Lane):
        pass

    expect(toasts(page)).to_contain_text("Order J-10482 is on its way")
    expect(bell(page)).to_have_accessible_name("Notifications, 1 unread")
    seen.shoot("demo-toast", whole=False)


def test_what_arrives_is_counted_shown_and_said_aloud(window, put) -> None:
    seen = window(DESK)
    page = seen.open("/demo/")
    connected(page)

    put("Order 1 shipped")
    expect(toasts(page)).to_contain_text("Order 1 shipped")
    put("Order 2 shipped")

    expect(bell(page)).to_have_accessible_name("Notifications, 2 unread")
    live = page.locator("notifysite-bell [aria-live=polite]")
    expect(live).to_have_text("New notification: Order 2 shipped")


def test_in_quiet_hours_the_count_moves_and_nothing_pops_up(window, put) -> None:
    page = window(DESK).open("/demo/")
    connected(page)

    put("Quietly", silent=True)

    expect(bell(page)).to_have_accessible_name("Notifications, 1 unread")
    expect(toasts(page)).to_have_count(0)


def test_reading_archiving_and_undoing_reach_the_other_tab_too(window, put, sam: Recipient) -> None:
    for number in (1, 2, 3):
        put(f"Order {number} shipped", url="https://shop.example/orders")
    page, other = window(DESK).open("/demo/"), window(DESK).open("/demo/")
    connected(page), connected(other)
    bell(page).click()
    expect(rows(page)).to_have_count(3)

    page.get_by_role("button", name="Mark as read: Order 3 shipped").click()
    expect(bell(other)).to_have_accessible_name("Notifications, 2 unread")
    page.get_by_role("button", name="Archive: Order 2 shipped").click()
    expect(rows(page)).to_have_count(2)
    page.get_by_role("button", name="Undo").click()
    expect(rows(page)).to_have_count(3)
    page.get_by_role("button", name="Mark all as read").click()

    expect(bell(other)).to_have_accessible_name("Notifications")
    assert items.counts(sam.pk)["orders"]["unread"] == 0


def test_the_keyboard_is_enough(window, put) -> None:
    for number in (1, 2):
        put(f"Order {number} shipped")
    page = window(DESK).open("/demo/")
    connected(page)
    bell(page).focus()

    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Notifications")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("listitem").filter(has_text="Order 1 shipped")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(bell(page)).to_have_accessible_name("Notifications, 1 unread")
    page.keyboard.press("Escape")

    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(bell(page)).to_be_focused()
    assert bell(page).get_attribute("aria-expanded") == "false"


PAYLOADS = (
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    '"><svg onload=alert(1)>',
    "{{constructor.constructor('alert(1)')()}}",
    "<iframe srcdoc='<script>alert(1)</script>'>",
)
URLS = (
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:alert(1)",
    " javascript:alert(1)",
    "java\nscript:alert(1)",
    "file:///etc/passwd",
)


def test_what_a_message_brings_along_is_text_and_runs_nothing(window, put) -> None:
    seen = window(DESK)
    page = seen.open("/demo/")
    connected(page)
    for number, url in enumerate(URLS):
        payload = PAYLOADS[number % len(PAYLOADS)]
        put(f"{payload} {number}", text=payload, url=url, actions=(Action(label=payload, url=url),))

    expect(bell(page)).to_have_accessible_name(f"Notifications, {len(URLS)} unread")
    expect(toasts(page).first).to_be_visible()
    bell(page).click()
    expect(rows(page)).to_have_count(len(URLS))

    assert rows(page).locator("a").count() == 0
    assert page.locator("notifysite-bell").locator("img, script, iframe").count() == 0
    assert rows(page).last.locator(".title").inner_text() == f"{PAYLOADS[0]} 0"
    page.wait_for_timeout(200)  # whatever were to run would have by now


def test_without_sockets_it_looks_by_itself(window, put) -> None:
    seen = window(DESK)
    seen.page.route("**/demo/", poll_often)
    seen.page.add_init_script("window.WebSocket = class { constructor() { throw Error(); } };")
    page = seen.open("/demo/")
    expect(bell(page)).to_have_accessible_name("Notifications")

    put("In quiet hours", silent=True)
    expect(bell(page)).to_have_accessible_name("Notifications, 1 unread")
    expect(toasts(page)).to_have_count(0)
    put("Without a socket")

    expect(bell(page)).to_have_accessible_name("Notifications, 2 unread")
    expect(toasts(page)).to_have_count(1)
    expect(toasts(page)).to_contain_text("Without a socket")


def poll_often(route) -> None:
    """The page, with a bell that does not wait half a minute."""
    answer = route.fetch()
    body = answer.text().replace("<notifysite-bell", '<notifysite-bell poll="0.2"')
    route.fulfill(response=answer, body=body)


def test_after_an_outage_it_catches_up(window, put, sam: Recipient) -> None:
    seen = window(DESK)
    page = seen.open("/demo/")
    connected(page)
    page.context.set_offline(True)
    put("While you were away")

    page.context.set_offline(False)

    expect(bell(page)).to_have_accessible_name("Notifications, 1 unread")


def test_what_fails_without_a_network_is_taken_back(window, put, sam: Recipient) -> None:
    seen = window(DESK)
    page = seen.open("/demo/")
    put("Read in a tunnel")
    put("Archived in a tunnel")
    expect(bell(page)).to_have_accessible_name("Notifications, 2 unread")
    bell(page).click()
    expect(rows(page)).to_have_count(2)
    page.context.set_offline(True)
    page.get_by_role("button", name="Mark as read: Read in a tunnel").click()
    page.get_by_role("button", name="Archive: Archived in a tunnel").click()

    expect(toasts(page).filter(has_text="That did not work")).not_to_have_count(0)
    expect(page.locator("notifysite-bell .item.new")).to_have_count(2)
    expect(bell(page)).to_have_accessible_name("Notifications, 2 unread")
    page.context.set_offline(False)
    page.get_by_role("button", name="Mark as read: Read in a tunnel").click()
    expect(bell(page)).to_have_accessible_name("Notifications, 1 unread")
    expect(page.locator("notifysite-bell .item.new")).to_have_count(1)


def test_at_the_left_of_a_page_it_opens_within_the_window(window, put) -> None:
    page = window(DESK).open("/demo/")
    connected(page)
    page.locator("notifysite-bell").evaluate(
        "bell => { bell.style.position = 'fixed'; bell.style.left = '4px'; }"
    )

    bell(page).click()

    panel = page.get_by_role("dialog", name="Notifications").bounding_box()
    assert panel["x"] == 8
    assert panel["x"] + panel["width"] < DESK["width"]


def test_a_token_that_cannot_be_renewed_now_is_renewed_later(window, put, sam: Recipient) -> None:
    page = window(DESK).open("/demo/")
    connected(page)
    answers = iter([503, "failed"])
    page.route("**/demo/token/", lambda route: be_away(route, next(answers, None)))
    page.locator("notifysite-bell").evaluate(
        "bell => { bell.setAttribute('poll', '0.2'); bell.setAttribute('token', 'rt_ended'); }"
    )

    put("For whoever is still logged in")

    expect(bell(page)).to_have_accessible_name("Notifications, 1 unread")


def be_away(route, how) -> None:
    """Answer as a server does that is being replaced; None lets it answer itself."""
    if how is None:
        route.continue_()
    elif how == "failed":
        route.abort()
    else:
        route.fulfill(status=how)


def test_a_token_that_ended_is_renewed(window, put, sam: Recipient) -> None:
    seen = window(DESK)
    page = seen.open("/demo/")
    connected(page)
    page.locator("notifysite-bell").evaluate("bell => bell.setAttribute('token', 'rt_ended')")

    put("For whoever is still logged in")

    expect(bell(page)).to_have_accessible_name("Notifications, 1 unread")


@pytest.mark.parametrize(("size", "dark"), [(DESK, False), (DESK, True), (PHONE, False)])
def test_it_is_nice_to_look_at(window, put, sam: Recipient, size, dark) -> None:
    put("Welcome to Juniper", text="Your first plants are waiting in the shop.")
    put(
        "Order J-10482 is on its way",
        text="It left our nursery today with Green Wheels and should be with you on Thursday.",
        url="https://parcels.example/track",
        actions=(Action(label="Follow the parcel", url="https://parcels.example/track"),),
    )
    put("Monstera deliciosa is back", text="The one you asked for. There are nine of them.")
    items.mark_all(sam.pk, Mark.READ, up_to=1)
    seen = window(size, dark=dark)
    page = seen.open("/demo/")
    connected(page)
    seen.shoot(f"demo-{size['width']}-{'dark' if dark else 'light'}")

    bell(page).click()

    expect(rows(page)).to_have_count(3)
    panel = page.get_by_role("dialog").bounding_box()
    assert panel["x"] >= 0
    assert panel["x"] + panel["width"] <= size["width"]
    seen.shoot(f"bell-{size['width']}-{'dark' if dark else 'light'}", whole=False)


def test_browser_notifications_are_offered(window, sam: Recipient) -> None:
    page = window(DESK, permissions=["notifications"]).open("/demo/")

    button = page.get_by_role("button", name="Turn on browser notifications")
    expect(button).to_be_enabled()
    expect(page.get_by_role("button", name="Turn them off")).to_be_hidden()


def test_an_item_is_put_away_until_later_and_comes_back_aloud(window, put, sam: Recipient) -> None:
    put("Remind me")
    seen = window(DESK)
    page = seen.open("/demo/")
    connected(page)
    bell(page).click()
    page.get_by_role("button", name="Show later: Remind me").click()
    seen.shoot("bell-later", whole=False)

    with page.expect_response("**/inbox/snooze"):
        page.get_by_role("button", name="Tomorrow morning").click()

    expect(rows(page)).to_have_count(0)
    expect(toasts(page)).to_contain_text("Back ")
    expect(bell(page)).to_have_accessible_name("Notifications")
    until = InboxItem.objects.get().snoozed_until
    assert timedelta(0) < until - datetime.now(UTC) < timedelta(days=2)

    page.keyboard.press("Escape")
    InboxItem.objects.update(snoozed_until=datetime.now(UTC))
    waking.wake_due()

    expect(toasts(page)).to_contain_text("Remind me")
    expect(bell(page)).to_have_accessible_name("Notifications, 1 unread")


def test_putting_an_item_away_can_be_taken_back(window, put) -> None:
    put("Remind me")
    page = window(DESK).open("/demo/")
    connected(page)
    bell(page).click()
    page.get_by_role("button", name="Show later: Remind me").click()
    page.get_by_role("button", name="In an hour").click()
    expect(rows(page)).to_have_count(0)

    with page.expect_response("**/inbox/unsnooze"):
        page.get_by_role("button", name="Undo").click()

    expect(rows(page)).to_have_count(1)
    assert InboxItem.objects.get().snoozed_until is None


def test_an_action_is_marked_as_done_once_in_every_tab(window, put) -> None:
    put("A day off?", actions=(Action(label="Approve", url="https://hr.test/1"),))
    seen = window(DESK)
    page, other = seen.open("/demo/"), window(PHONE).open("/demo/")
    for one in (page, other):
        connected(one)
        bell(one).click()
    page.get_by_role("button", name="Mark as done: Approve").click()

    for one in (page, other):
        expect(one.get_by_role("img", name=re.compile("^Done, "))).to_have_count(1)
        expect(one.get_by_role("button", name="Mark as done: Approve")).to_have_count(0)
        expect(bell(one)).to_have_accessible_name("Notifications")
    seen.shoot("bell-done", whole=False)
