"""The service worker in a real Chromium, which is handed push messages over its debugging port.

Chromium without Google's services cannot subscribe; everything behind that is real.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from delivery.contracts import Action, Content
from delivery.providers.push import fit
from delivery.providers.webpush.payload import LARGEST, payload_of
from tests.delivery.providers.messages import message
from tests.e2e.conftest import PATIENCE
from tests.fakes.push_service import Browser as Subscription

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.chromium]

SHOWN = """async () => {
    const registration = await navigator.serviceWorker.ready;
    const shown = await registration.getNotifications();
    return shown.map(({ title, body, tag, lang, silent, badge, icon, data, actions }) =>
        ({ title, body, tag, lang, silent, badge, icon, data, actions: actions.map((one) =>
            ({ action: one.action, title: one.title })) }));
}"""


@pytest.fixture
def page(chromium, site) -> Any:
    """A page of the site that has registered the worker and may show notifications."""
    context = chromium.new_context()
    context.set_default_timeout(PATIENCE)
    context.grant_permissions(["notifications"], origin=site.url)
    page = context.new_page()
    page.asked = []
    context.on("request", lambda request: page.asked.append(request.url))
    page.goto(f"{site.url}/api/docs/problems")
    page.evaluate('() => { navigator.serviceWorker.register("/sw.js", { scope: "/" }); }')
    page.wait_for_function("navigator.serviceWorker.ready.then((one) => one.active)")
    yield page
    context.close()


@pytest.fixture
def deliver(page, site) -> Callable[[str], list[dict[str, Any]]]:
    """Let the browser receive a push message; returns the notifications that are shown then."""
    cdp = page.context.new_cdp_session(page)
    known: list[str] = []
    cdp.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: known.extend(one["registrationId"] for one in event["registrations"]),
    )
    cdp.send("ServiceWorker.enable")

    def push(data: str) -> list[dict[str, Any]]:
        before = page.evaluate(SHOWN)
        for _ in range(6):  # a busy browser may lose what its debugging port is given
            cdp.send(
                "ServiceWorker.deliverPushMessage",
                {"origin": site.url, "registrationId": known[0], "data": data},
            )
            for _ in range(200):
                if (shown := page.evaluate(SHOWN)) != before:
                    return shown
                page.wait_for_timeout(50)
        raise AssertionError("no notification was shown")

    return push


@pytest.fixture
def in_worker(page) -> Callable[..., Any]:
    """Evaluate something inside the worker."""
    worker = page.context.service_workers[0]
    return worker.evaluate


def test_a_message_of_ours_is_shown_as_it_was_said(deliver, site) -> None:
    sealed = message(
        content=Content(
            title="Shipped — 已发货",
            text="It is on its way.",
            url="https://example.com/orders/7",
            actions=(
                Action(label="Track", url="https://example.com/track/7"),
                Action(label="Help", url="https://example.com/help"),
            ),
        ),
        data={"order": 7},
    )
    payload = fit(payload_of(sealed), LARGEST)
    assert payload is not None

    (shown,) = deliver(payload.decode())

    assert shown == {
        "title": "Shipped — 已发货",
        "body": "It is on its way.",
        "tag": str(sealed.reference),
        "lang": "en",
        "silent": False,
        "badge": f"{site.url}/static/notifysite/badge.png",
        "icon": f"{site.url}/static/notifysite/badge.png",
        "actions": [{"action": "0", "title": "Track"}, {"action": "1", "title": "Help"}],
        "data": {
            "notification": str(sealed.notification),
            "order": 7,
            "url": "https://example.com/orders/7",
            "actions": ["https://example.com/track/7", "https://example.com/help"],
        },
    }


def test_a_second_copy_takes_the_place_of_the_first(deliver) -> None:
    deliver(json.dumps({"title": "First", "tag": "one"}))
    shown = deliver(json.dumps({"title": "First, again", "tag": "one"}))
    assert [each["title"] for each in shown] == ["First, again"]


@pytest.mark.parametrize(
    "data", ["not json", "[1]", "null", '{"actions": 3, "title": ""}', '{"actions": [null, {}]}']
)
def test_something_is_shown_whatever_comes(deliver, data) -> None:
    (shown,) = deliver(data)
    assert shown["title"].startswith("127.0.0.1")


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd"])
def test_only_addresses_of_the_web_are_opened(deliver, url) -> None:
    actions = [{"title": "Do", "url": url}]
    said = {"title": "Hi", "url": url, "icon": url, "badge": url, "actions": actions}
    (shown,) = deliver(json.dumps(said))
    assert shown["data"] == {"url": None, "actions": [None]}
    assert shown["icon"].endswith("/static/notifysite/badge.png")
    assert shown["badge"].endswith("/static/notifysite/badge.png")


def test_a_house_shows_its_own_badge(deliver, site) -> None:
    badge = f"{site.url}/own.png"
    (shown,) = deliver(json.dumps({"title": "Hi", "badge": badge}))
    assert shown["badge"] == badge


CLICK = """async ({ tag, action }) => {
    const opened = [];
    self.clients.openWindow = async (url) => { opened.push(url); };
    const [notification] = await self.registration.getNotifications({ tag });
    const event = new NotificationEvent("notificationclick", { notification, action });
    event.waitUntil = (promise) => { event.done = promise; };
    self.dispatchEvent(event);
    let focused = false;
    await event.done.catch((error) => { focused = error.name === "InvalidAccessError"; });
    return { opened, focused, left: (await self.registration.getNotifications({ tag })).length };
}"""


def clicked(in_worker: Callable[..., Any], action: str = "") -> dict[str, Any]:
    return in_worker(CLICK, {"tag": "one", "action": action})


def test_a_click_opens_what_it_is_about_and_an_action_its_own(deliver, in_worker) -> None:
    said = {
        "title": "Hi",
        "tag": "one",
        "url": "https://example.com/orders/7",
        "actions": [{"title": "Track", "url": "https://example.com/track/7"}],
    }
    deliver(json.dumps(said))
    first = clicked(in_worker)
    assert first == {"opened": ["https://example.com/orders/7"], "focused": False, "left": 0}
    deliver(json.dumps(said))
    assert clicked(in_worker, "0")["opened"] == ["https://example.com/track/7"]


def test_a_click_goes_to_the_tab_that_is_open_already(deliver, in_worker, site) -> None:
    url = f"{site.url}/api/docs/problems#too_large"
    deliver(json.dumps({"title": "Hi", "tag": "one", "url": url}))
    # Browsers let a worker focus a tab only after a real click, and say so.
    assert clicked(in_worker) == {"opened": [], "focused": True, "left": 0}


def test_a_click_on_what_leads_nowhere_opens_the_site(deliver, in_worker, site) -> None:
    deliver(json.dumps({"title": "Hi", "tag": "one", "url": "javascript:alert(1)"}))
    assert clicked(in_worker)["opened"] == [f"{site.url}/"]


RENEW = """async ({ old, fresh }) => {
    const like = (said) => ({ toJSON: () => said });
    const calls = [];
    self.fetch = async (url, options) => {
        calls.push({ url, method: options.method, body: JSON.parse(options.body) });
        return new Response(null, { status: 204 });
    };
    const event = new ExtendableEvent("pushsubscriptionchange");
    event.oldSubscription = old && like(old);
    event.newSubscription = like(fresh);
    event.waitUntil = (promise) => { event.done = promise; };
    self.dispatchEvent(event);
    await event.done;
    return calls;
}"""


def test_another_subscription_is_told_and_remembered_for_the_next_time(page, in_worker) -> None:
    first, second, third = (
        Subscription(f"https://push.example.com/{number}").subscription for number in range(3)
    )
    calls = in_worker(RENEW, {"old": first, "fresh": second})
    # Browsers rarely say which subscription has ended; then the remembered one is meant.
    calls += in_worker(RENEW, {"old": None, "fresh": third})
    assert calls == [
        {"url": "/api/v1/push/renew", "method": "POST", "body": {"old": old, "subscription": new}}
        for old, new in ((first, second), (second, third))
    ]


def test_nothing_is_asked_of_anybody_else(page, deliver, site) -> None:
    deliver(json.dumps({"title": "Hi", "body": "there"}))
    assert [url for url in page.asked if not url.startswith(site.url)] == []


def test_the_page_s_part_says_what_the_browser_can_do(page, site) -> None:
    push = 'import("/static/notifysite/push.js")'
    assert page.evaluate(f"{push}.then((push) => push.state())") == "off"
    page.context.clear_permissions()
    refusal = page.evaluate(
        f"{push}.then((push) => push.subscribe()).catch((error) => error.message)"
    )
    assert refusal == "Notifications are not allowed for this site."
