"""The desk in a real browser: a type is made, its words are written, looked at and published."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Page, expect

from delivery.channels import EMAIL, SMS
from delivery.contracts import Content, Message
from delivery.lifecycle import Reason, State
from delivery.models import Heartbeat
from notifications import work
from notifications.models import NotificationType, Template, TemplateVersion, VersionState
from notifications.services.authentication import keyring
from notifications.words import Lane
from notifysite.plumbing import ids
from tests.factories import make_category, make_key, make_recipient, make_type
from tests.notifications.admin.rows import a_delivery, a_notification, keep, tried

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.chromium]

SCRIPT = """<p>Order {{ data.number }}</p>
<p><a href="https://example.com/orders">See it</a></p>"""


@pytest.fixture
def desk(site, window) -> object:
    """A window with a superuser logged in."""
    boss = User.objects.create_superuser("boss", "boss@example.com", "secret-of-boss")
    client = Client()
    client.force_login(boss)
    seen = window()
    cookie = client.cookies["sessionid"].value
    seen.page.context.add_cookies([{"name": "sessionid", "value": cookie, "url": site.url}])
    return seen


def frame_of(page: Page):
    return page.frame_locator("iframe.desk-frame:not([hidden])")


def order_type() -> NotificationType:
    return make_type(
        "order_shipped",
        steps=[],
        words={},
        data_schema={
            "type": "object",
            "properties": {"number": {"type": "integer", "description": "the order's number"}},
            "required": ["number"],
        },
        sample_data={"number": 4711},
    )


def test_somebody_logs_in_and_sees_today(site, window) -> None:
    User.objects.create_superuser("boss", "boss@example.com", "secret-of-boss")
    Heartbeat.objects.create(name="pump-1", kind="pump")
    seen = window()
    page = seen.open("/admin/")
    page.get_by_label("Username").fill("boss")
    page.get_by_label("Password").fill("secret-of-boss")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("Dead letters", exact=True).last).to_be_visible()
    expect(page.get_by_text("pump-1")).to_be_visible()
    seen.shoot("admin-today")


def test_an_editor_makes_a_type_with_a_step(desk) -> None:
    make_category("orders", name="Orders")
    page = desk.open("/admin/notifications/notificationtype/add/")
    page.locator("#id_key").fill("order_shipped")
    page.locator("#id_name").fill("Order shipped")
    page.locator("#id_category").select_option(label="Orders")
    page.locator("#id_data_schema").fill('{"type": "object", "required": ["number"]}')
    page.locator("#id_sample_data").fill("{}")
    desk.shoot("admin-type-add")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("/number: This is missing.")).to_be_visible()

    page.locator("#id_sample_data").fill('{"number": 4711}')
    page.get_by_role("link", name="Add another").click()
    page.locator("#id_steps-0-position").fill("1")
    page.locator("#id_steps-0-channel").select_option(label="Email")
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.get_by_text("was added successfully")).to_be_visible()
    desk.shoot("admin-type")
    kind = NotificationType.objects.get(key="order_shipped")
    assert [(step.position, step.channel) for step in kind.steps.all()] == [(1, EMAIL.number)]


def test_an_editor_writes_sees_what_is_wrong_and_publishes(desk) -> None:
    kind = order_type()
    page = desk.open(f"/admin/notifications/notificationtype/{kind.pk}/words/email/en/")
    page.get_by_label("Subject").fill("Order {{ data.numbr }} is on its way")
    page.locator("#id_body").fill("<p>Dear {{ reader.name }}</p>\n<p>Hello {% if %}</p>")
    expect(page.locator("#problems")).to_contain_text("body, line 2")
    desk.shoot("admin-words-problems")
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("cannot be published yet")).to_be_visible()
    expect(page.locator("#id_body")).to_have_value(
        "<p>Dear {{ reader.name }}</p>\n<p>Hello {% if %}</p>"
    )

    page.get_by_label("Subject").fill("Order {{ data.number }} is on its way")
    page.locator("#id_body").fill(SCRIPT)
    expect(page.locator("#problems")).to_contain_text("None found.")
    expect(page.locator("[data-part=subject]")).to_have_text("Order 4711 is on its way")
    expect(frame_of(page).get_by_text("Order 4711")).to_be_visible()
    desk.shoot("admin-words")
    page.locator("label[for=width-phone]").click()
    desk.shoot("admin-words-phone", whole=False)
    page.locator("label[for=width-text]").click()
    expect(page.locator("pre[data-part=text]")).to_contain_text("Order 4711")
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("Version 1 is published.")).to_be_visible()
    published = TemplateVersion.objects.get(state=VersionState.PUBLISHED)
    assert published.source["body"] == SCRIPT

    page.get_by_role("link", name="Version 1").click()
    expect(frame_of(page).get_by_text("Order 4711")).to_be_visible()
    desk.shoot("admin-version")


def test_a_script_in_a_message_neither_runs_nor_reaches_the_desk(desk, site) -> None:
    # The editor refuses script, so it comes as it might in a message that was kept: as HTML.
    person = make_recipient(email="ann@example.com")
    id_ = ids.uuid7()
    evil = (
        "<p id=a>Hello</p><script>document.title='ran';parent.document.title='ran';"
        "document.getElementById('a').textContent=document.cookie+'ran'</script>"
        "<img src=data:x onerror=\"document.getElementById('a').textContent='ran'\">"
        "<form action=/admin/logout/ method=post><button>Log out</button></form>"
    )
    message = Message(
        reference=id_,
        notification=id_,
        recipient=person.pk,
        channel=EMAIL.number,
        address="ann@example.com",
        content=Content(subject="Hello", html=evil, text="Hello"),
    )
    row = keep(message)
    page = desk.open(f"/admin/delivery/outboxmessage/{row.pk}/change/")
    expect(frame_of(page).get_by_text("Hello")).to_be_visible()
    inside = next(frame for frame in page.frames if frame.url.endswith("/frame/"))
    assert inside.locator("#a").inner_text() == "Hello"
    assert "ran" not in page.title()
    frame_of(page).get_by_role("button", name="Log out").click()
    page.reload()
    expect(page.get_by_role("heading", name="Message", exact=True)).to_be_visible()
    blocked = [one for one in desk.trouble if "/frame/" in one or "sandbox" in one]
    assert blocked == desk.trouble, desk.trouble
    desk.trouble.clear()


def test_what_was_sent_is_in_the_outbox_and_its_story_is_told(desk, settings, tmp_path) -> None:
    settings.DELIVERY_ROUTES = {"email": ["sandbox"], "sms": ["sandbox"], "in_app": ["inbox"]}
    settings.DELIVERY_PROVIDERS["sandbox"]["OPTIONS"]["folder"] = str(tmp_path)
    keyring.forget()
    category = make_category("orders", default_channels=[EMAIL.number, SMS.number])
    make_recipient("ann", email="ann@example.com", phone="+491701234567", name="Ann Example")
    make_type(
        "order_shipped",
        category=category,
        steps=[{"channel": "email"}, {"channel": "sms"}],
        words={
            "email": {"subject": "Order {{ data.number }}", "body": "<h1>It is on its way</h1>"},
            "sms": {"text": "Order {{ data.number }} is on its way."},
        },
    )
    key = make_key()
    answer = Client().post(
        "/api/v1/notifications",
        {"type": "order_shipped", "to": "ann", "data": {"number": 4711}},
        content_type="application/json",
        headers={"Authorization": f"Bearer {key.secret}"},
    )
    assert answer.status_code == 202, answer.content
    while sum(work.work(lane) for lane in Lane):
        pass

    page = desk.open("/admin/delivery/outboxmessage/")
    expect(page.get_by_role("link", name="Order 4711", exact=True)).to_be_visible()
    desk.shoot("admin-outbox")
    page.get_by_role("link", name="Order 4711", exact=True).click()
    expect(frame_of(page).get_by_text("It is on its way")).to_be_visible()
    desk.shoot("admin-outbox-email")
    page.get_by_role("link", name="What became of it").click()
    expect(page.get_by_text("All done.")).to_be_visible()
    page.wait_for_load_state("networkidle")
    desk.shoot("admin-notification")
    page.goto(page.url.rsplit("/", 3)[0] + "/")
    expect(page.get_by_text("email: delivered")).to_be_visible()
    desk.shoot("admin-notifications")


def dead_letters() -> None:
    """A few, as real life leaves them: refused for days, and one that ends whoever sends it."""
    kind = make_type("order_shipped")
    for at, (code, detail) in enumerate(
        [
            ("450 4.2.2", "The mailbox of … is full; it may take mail again later."),
            ("451 4.7.1", "Greylisting in action, please come back in 300 seconds."),
            ("429", "Too many requests"),
        ]
    ):
        row = a_delivery(a_notification(type=kind), provider="smtp" if at < 2 else "webpush")
        tried(row, *["TimeoutError"] * at, code, detail=detail)
    poison = a_delivery(a_notification(type=kind), reason=Reason.OUTCOME_UNKNOWN)
    tried(poison, *["answer_lost"] * 5)
    a_delivery(a_notification(type=kind), channel=SMS.number, state=State.UNCERTAIN)


def test_an_operator_finds_dead_letters_understands_them_and_sends_them_again(desk) -> None:
    dead_letters()
    page = desk.open("/admin/delivery/delivery/")
    expect(page.get_by_text("The mailbox of … is full")).to_be_visible()
    expect(page.get_by_text("ended 5 times")).to_be_visible()
    desk.shoot("admin-dead-letters")
    page.locator("a", has_text="Filters").click()
    expect(page.get_by_text("By provider")).to_be_visible()
    desk.shoot("admin-dead-letters-filters", whole=False)
    page.goto(f"{page.url.split('?')[0]}?provider=smtp")
    expect(page.get_by_text("Too many requests")).to_have_count(0)
    page.get_by_role("link", name="Send all of these again").click()
    expect(page.get_by_text("They leave one after the other")).to_be_visible()
    desk.shoot("admin-replay")
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_text("2 are queued again.")).to_be_visible()
    desk.shoot("admin-replayed")

    page.goto(page.url.split("?")[0])
    page.locator("#result_list").get_by_role("link").nth(1).click()
    expect(page.get_by_role("button", name="Send again")).to_be_visible()
    desk.shoot("admin-dead-letter")
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_text("1 is queued again.")).to_be_visible()


def test_support_looks_somebody_up_and_reveals_them(desk) -> None:
    make_category("orders", name="Orders")
    make_recipient("ann", email="ann@example.com", name="Ann Example", attributes={"plan": "gold"})
    page = desk.open("/admin/preferences/recipient/")
    page.get_by_placeholder("User id, email").fill("Ann@Example.com")
    page.get_by_role("button", name="Look up").click()
    expect(page.get_by_text("a•••@•••.com")).to_be_visible()
    desk.shoot("admin-person")
    page.get_by_role("button", name="Reveal").click()
    expect(page.get_by_text("ann@example.com")).to_be_visible()
    expect(page.get_by_text("Ann Example")).to_be_visible()


def test_a_key_is_shown_once(desk) -> None:
    service = make_key().key.service
    page = desk.open(f"/admin/notifications/service/{service.pk}/change/")
    desk.shoot("admin-service")
    page.get_by_role("link", name="Issue a key").click()
    page.get_by_label("Name").fill("shop")
    desk.shoot("admin-key-form")
    page.get_by_role("button", name="Issue the key").click()
    secret = page.locator("#secret").inner_text()
    desk.shoot("admin-secret")
    assert secret.startswith("ntf_live_")
    page.get_by_role("link", name="I have copied it").click()
    assert secret not in page.content()


def test_channels_of_a_category_are_put_in_order(desk) -> None:
    category = make_category("orders", name="Orders", default_channels=[EMAIL.number, SMS.number])
    page = desk.open(f"/admin/preferences/category/{category.pk}/change/")
    desk.shoot("admin-category")
    page.get_by_role("button", name="Move SMS up").click()
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    category.refresh_from_db()
    assert category.default_channels == [SMS.number, EMAIL.number]


def test_other_channels_look_like_themselves(desk) -> None:
    kind = make_type(
        "greeting",
        steps=[{"channel": "mobile_push"}, {"channel": "sms"}],
        words={
            "mobile_push": {
                "title": "Hello {{ data.name }}",
                "body": "How are you?",
                "actions": [{"label": "Fine", "url": "https://example.com/fine"}],
            },
            "sms": {"text": "Hello {{ data.name }}"},
        },
        sample_data={"name": "Ann"},
    )
    page = desk.open(f"/admin/notifications/notificationtype/{kind.pk}/words/mobile_push/en/")
    expect(frame_of(page).get_by_text("Hello Ann")).to_be_visible()
    desk.shoot("admin-words-push")
    page.get_by_role("link", name="SMS").click()
    expect(frame_of(page).get_by_text("Hello Ann")).to_be_visible()
    assert Template.objects.filter(type=kind).count() == 2
