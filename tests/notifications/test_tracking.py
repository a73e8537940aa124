"""Opens and clicks, all the way: from the API to a mail server, and from the mail back."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from html import unescape
from typing import Any
from uuid import UUID

import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from delivery import registry, routing, showing
from delivery.lifecycle import OutcomeKind, Uncertain
from delivery.models import Delivery, Engagement
from delivery.tracking.hits import collector
from notifications import sent, story
from notifications.catalog import versions
from notifications.models import NotificationType
from preferences import privacy
from preferences.models import CategoryKind
from tests.factories import make_category, make_type
from tests.fakes.scripted import Ledger
from tests.fakes.smtp import SmtpServer

pytestmark = pytest.mark.django_db
URL = "/api/v1/notifications"
Run = Callable[[], int]

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SHOP = "https://shop.example/orders/A-17?a=1&b=2"
BODY = (
    '<p>Hello, <a href="https://shop.example/orders/{{ data.number }}?a=1&amp;b=2">your order</a>,'
    ' <a href="mailto:help@acme.test">help</a>,'
    ' <a href="{{ links.preferences }}">choose</a>, <a href="{{ links.unsubscribe }}">stop</a>,'
    ' <a href="{{ links.view }}">view</a>, <a href="{{ links.why }}">why</a></p>'
)
SCHEMA = {
    "type": "object",
    "properties": {"number": {"type": "string"}},
    "required": ["number"],
}
SECRET = {**SCHEMA, "properties": {"number": {"type": "string", "x-sensitive": True}}}


@pytest.fixture(autouse=True)
def _no_hits() -> Iterator[None]:
    collector.forget()
    yield
    collector.forget()


@pytest.fixture
def smtp(settings: Any) -> Iterator[SmtpServer]:
    """A mail server on a real socket, behind the email provider of the product."""
    with SmtpServer() as server:
        settings.DELIVERY_PROVIDERS = {
            **settings.DELIVERY_PROVIDERS,
            "email": {
                "BACKEND": "delivery.providers.email.DjangoEmail",
                "CHANNELS": ["email"],
                "OPTIONS": {
                    "backend": "django.core.mail.backends.smtp.EmailBackend",
                    "connection": {"host": server.host, "port": server.port},
                },
            },
        }
        settings.DELIVERY_ROUTES = {**settings.DELIVERY_ROUTES, "email": ["email"]}
        routing.forget()
        versions.forget()
        yield server
        registry.get("email").close()  # type: ignore[attr-defined]
    routing.forget()


@pytest.fixture
def browser() -> Client:
    return Client(headers={"User-Agent": BROWSER})


def a_type(**values: Any) -> NotificationType:
    said = {"tracking": True, "data_schema": SCHEMA} | values
    return make_type(
        "order_shipped",
        steps=[{"channel": "email"}],
        words={"email": {"subject": "On its way", "body": BODY}},
        **said,
    )


def send(api: APIClient) -> UUID:
    to = {"user_id": "ann", "email": "ann@example.com"}
    body = {"type": "order_shipped", "to": to, "data": {"number": "A-17"}}
    answer = api.post(URL, body, format="json")
    assert answer.status_code == 202, answer.content
    return UUID(answer.json()["notifications"][0]["id"])


def html_of(server: SmtpServer) -> str:
    (letter,) = server.letters
    part = letter.parsed.get_body(("html",))
    assert part is not None
    return str(part.get_content())


def hrefs(html: str) -> list[str]:
    return [unescape(url) for url in re.findall(r'<a\b[^>]*?href="([^"]*)"', html)]


def picture_of(html: str) -> str:
    (url,) = re.findall(r'<img src="([^"]+/t/o/[^"]+)"', html)
    return unescape(url)


def a_while_passes() -> None:
    """A mail is not read the very second in which it was sent."""
    Delivery.objects.update(sent_at=F("sent_at") - timedelta(minutes=5))


def test_a_mail_is_opened_and_its_link_followed(
    api: APIClient, smtp: SmtpServer, run: Run, browser: Client
) -> None:
    a_type()
    id_ = send(api)
    run()
    a_while_passes()
    html = html_of(smtp)

    assert browser.get(picture_of(html)).status_code == 200
    answer = browser.get(hrefs(html)[0])
    collector.flush()

    assert (answer.status_code, answer["Location"]) == (302, SHOP)
    (shown,) = api.get(f"{URL}/{id_}").json()["deliveries"]
    assert shown["opened_at"] is not None
    assert shown["clicked_at"] is not None
    assert shown["seen_at"] == shown["clicked_at"]
    told = {entry["kind"]: entry["text"] for entry in timeline(api, id_)}
    assert told["opened"] == "Email: opened by the person."
    assert told["clicked"] == "Email: the person followed a link."
    assert "machine_opened" not in told


def timeline(api: APIClient, id_: UUID) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(f"{URL}/{id_}/timeline").json()["results"]
    return found


def test_machines_stand_in_the_timeline_as_machines(
    api: APIClient, smtp: SmtpServer, run: Run, browser: Client
) -> None:
    a_type()
    id_ = send(api)
    run()
    a_while_passes()

    browser.get(picture_of(html_of(smtp)), headers={"User-Agent": "Mozilla/5.0"})
    collector.flush()

    (shown,) = api.get(f"{URL}/{id_}").json()["deliveries"]
    assert (shown["opened_at"], shown["seen_at"]) == (None, None)
    told = {entry["kind"]: entry["text"] for entry in timeline(api, id_)}
    assert told["machine_opened"] == "Email: opened by a machine, such as a mail scanner."


def test_a_click_in_the_second_it_was_sent_is_a_machines(
    api: APIClient, smtp: SmtpServer, run: Run, browser: Client
) -> None:
    a_type()
    id_ = send(api)
    run()

    browser.get(hrefs(html_of(smtp))[0])
    Delivery.objects.update(sent_at=F("sent_at") + timedelta(seconds=1))
    collector.flush()

    (shown,) = api.get(f"{URL}/{id_}").json()["deliveries"]
    assert shown["clicked_at"] is None
    assert "machine_clicked" in [entry["kind"] for entry in timeline(api, id_)]


def test_only_the_links_to_others_lead_through_us(
    api: APIClient, smtp: SmtpServer, run: Run
) -> None:
    a_type()
    send(api)
    run()

    (letter,) = smtp.letters
    order, *others = hrefs(html_of(smtp))
    pages = [re.sub(r"/[^/]+/$", "", url) for url in others]
    assert order.startswith("http://testserver/t/c/")
    assert len(order) < 1_000
    assert pages == [
        "mailto:help@acme.test",
        "http://testserver/preferences",
        "http://testserver/u",
        "http://testserver/view",
        "http://testserver/why",
    ]
    assert "/t/" not in letter.parsed["List-Unsubscribe"]
    text = letter.parsed.get_body(("plain",))
    assert text is not None
    assert "/t/" not in text.get_content()
    assert SHOP in text.get_content()


def test_the_page_of_what_was_sent_shows_it_without_a_trace_of_us(
    api: APIClient, smtp: SmtpServer, run: Run
) -> None:
    a_type()
    send(api)
    run()

    html = sent.content(Delivery.objects.get())["html"]

    assert "/t/" not in html
    assert hrefs(html)[0] == SHOP


def test_who_looks_at_what_left_loads_no_picture(
    api: APIClient, smtp: SmtpServer, run: Run
) -> None:
    a_type()
    send(api)
    run()
    html = html_of(smtp)

    frame = showing.frame(1, {"html": html}).content.decode()

    assert "/t/o/" in html
    assert "/t/o/" not in frame


@pytest.mark.parametrize(
    "values",
    [
        {"tracking": False},
        {"data_schema": SECRET},
        {"uncertain": Uncertain.STOP},
        {"kind": CategoryKind.SECURITY},
    ],
    ids=["not asked for", "secrets", "one-time codes", "security"],
)
def test_what_is_not_to_be_tracked_is_byte_for_byte_as_it_was_written(
    api: APIClient, provider: Ledger, run: Run, values: dict[str, Any]
) -> None:
    category = make_category(kind=values.pop("kind", CategoryKind.TRANSACTIONAL))
    a_type(category=category, **values)
    send(api)
    run()

    (message,) = provider.taken
    assert "/t/" not in message.content.html
    assert "https://shop.example/orders/A-17?a=1&amp;b=2" in message.content.html
    if not NotificationType.objects.get().sensitive:  # of secrets only the mask is kept
        assert message.content.html == sent.content(Delivery.objects.get())["html"]


def test_a_type_that_is_tracked_from_now_on_is_so_at_once(
    api: APIClient, provider: Ledger, run: Run
) -> None:
    kind = a_type(tracking=False)
    send(api)
    run()
    kind.tracking = True
    kind.save()
    send(api)
    run()

    before, after = provider.taken
    assert "/t/" not in before.content.html
    assert "/t/c/" in after.content.html


def test_a_category_that_becomes_one_of_security_ends_tracking(
    api: APIClient, provider: Ledger, run: Run
) -> None:
    category = make_category()
    a_type(category=category)
    category.kind = CategoryKind.SECURITY
    category.save()
    send(api)
    run()

    (message,) = provider.taken
    assert "/t/" not in message.content.html


def test_a_retry_says_the_same_byte_for_byte(api: APIClient, provider: Ledger, run: Run) -> None:
    a_type()
    seen: list[str] = []

    def fail_once(message: Any) -> OutcomeKind:
        seen.append(message.content.html)
        return OutcomeKind.TRANSIENT

    provider.script.append(fail_once)
    send(api)
    run()
    Delivery.objects.update(due_at=F("created_at"))
    run()

    (message,) = provider.taken
    assert seen == [message.content.html]


def test_a_person_who_was_erased_is_not_followed(
    api: APIClient, smtp: SmtpServer, run: Run, browser: Client
) -> None:
    a_type()
    id_ = send(api)
    run()
    a_while_passes()
    link = hrefs(html_of(smtp))[0]
    privacy.erase("ann", actor="test", now=timezone.now())

    answer = browser.get(link)
    collector.flush()

    assert answer["Location"] == SHOP
    assert not Engagement.objects.exists()
    assert [entry.kind for entry in story.tell(id_) if "click" in entry.kind] == []


def test_an_open_and_a_click_are_kept_without_where_they_came_from(
    api: APIClient, smtp: SmtpServer, run: Run
) -> None:
    a_type()
    id_ = send(api)
    run()
    a_while_passes()
    visitor = Client(headers={"User-Agent": BROWSER}, REMOTE_ADDR="203.0.113.77")

    visitor.get(hrefs(html_of(smtp))[0])
    collector.flush()

    kept = str(list(Engagement.objects.values())) + str(timeline(api, id_))
    assert "203.0.113" not in kept
    assert "Firefox" not in kept
