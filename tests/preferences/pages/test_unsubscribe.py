"""Whoever follows an unsubscribe link is asked; whoever posts to it gets no more of that mail."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from delivery import channels
from notifysite.plumbing.ids import uuid7
from preferences import categories, consent, links, wishes
from preferences.models import Category, CategoryKind, Choice, Consent, Recipient
from preferences.wishes import By
from tests.factories import make_category, make_recipient

pytestmark = pytest.mark.django_db

EMAIL, SMS, IN_APP = channels.EMAIL.number, channels.SMS.number, channels.IN_APP.number
API = By(actor="key:ntf_ab", source="api")


@pytest.fixture
def ann() -> Recipient:
    return make_recipient("ann", email="ann@example.com")


def link(person: Recipient, category: str = "orders") -> str:
    url = links.unsubscribe_url(person.subject, category, uuid7())
    return url.removeprefix("http://testserver")


def on(person: Recipient, category: str = "orders") -> dict[str, bool]:
    loaded = wishes.load([person.pk])[person.pk]
    said = wishes.effective(loaded, categories.every(), now=timezone.now())
    return {key: one["enabled"] for key, one in said["categories"][category]["channels"].items()}


def one_click(client: Client, url: str, **more: Any) -> Any:
    return client.post(url, {"List-Unsubscribe": "One-Click"}, **more)


def test_opening_the_link_only_asks(visit: Client, ann: Recipient, held: Any) -> None:
    make_category("orders")
    before = held()

    answer = visit.get(link(ann))

    assert answer.status_code == 200
    assert "Unsubscribe from “Orders”?" in answer.content.decode()
    assert held() == before
    assert not answer.cookies


@pytest.mark.parametrize("form", ["multipart", "urlencoded"])
def test_one_post_without_cookies_is_enough(visit: Client, ann: Recipient, form: str) -> None:
    make_category("orders")
    url = link(ann)

    if form == "multipart":
        answer = one_click(visit, url)
    else:
        kind = "application/x-www-form-urlencoded"
        answer = visit.post(url, "List-Unsubscribe=One-Click", content_type=kind)

    assert answer.status_code == 200
    assert not any(on(ann).values())
    assert not answer.cookies


def test_an_older_yes_to_the_same_mail_does_not_survive(visit: Client, ann: Recipient) -> None:
    category = make_category("orders", default_channels=[])
    cell = {"categories": {"orders": {"channels": {"email": {"enabled": True}}}}}
    wishes.set_preferences(ann.pk, cell, by=API, now=timezone.now())
    Choice.objects.create(recipient=ann, channel=SMS, enabled=True, source="import")
    assert on(ann)["email"]
    assert on(ann)["sms"]

    one_click(visit, link(ann))

    assert not any(on(ann).values())
    assert Choice.objects.get(category=category, channel=0).source == "unsubscribe_link"


def test_what_was_planned_before_is_looked_at_again(visit: Client, ann: Recipient) -> None:
    make_category("orders")

    one_click(visit, link(ann))

    assert Recipient.objects.get(pk=ann.pk).changed_at > ann.changed_at


def test_it_is_in_the_audit_and_marketing_in_the_ledger(
    visit: Client, ann: Recipient, held: Any
) -> None:
    news = make_category("news", name="News", kind=CategoryKind.MARKETING)
    wishes.set_choice(
        ann.pk, category="news", channel=None, enabled=True, by=API, now=timezone.now()
    )

    one_click(visit, link(ann, "news"))

    entry = consent.current(ann.subject)[news.pk]
    assert (entry.given, entry.way, entry.text) == (False, "unsubscribe_link", "Stop: News")
    assert "unsubscribe_link" in held()["audit_entry"][-1][0]


def test_a_second_post_changes_nothing_more_and_says_the_same(
    visit: Client, ann: Recipient
) -> None:
    make_category("news", kind=CategoryKind.MARKETING)
    first = one_click(visit, link(ann, "news"))
    entries = Consent.objects.count()

    second = one_click(visit, link(ann, "news"))

    assert second.status_code == first.status_code == 200
    assert Consent.objects.count() == entries
    assert "You are unsubscribed" in second.content.decode()


def test_undo_brings_every_choice_back(visit: Client, ann: Recipient) -> None:
    category = make_category("orders")
    body = {"categories": {"orders": {"channels": {"sms": {"enabled": True}}}}}
    wishes.set_preferences(ann.pk, body, by=API, now=timezone.now())
    before = on(ann)
    done = one_click(visit, link(ann))

    answer = visit.post(link(ann), {"undo": done.context["undo"]})

    assert answer.status_code == 200
    assert on(ann) == before
    assert not Choice.objects.filter(category=category, channel=0).exists()


def test_undo_gives_the_consent_again(visit: Client, ann: Recipient) -> None:
    news = make_category("news", kind=CategoryKind.MARKETING)
    wishes.set_choice(
        ann.pk, category="news", channel=None, enabled=True, by=API, now=timezone.now()
    )
    before = on(ann, "news")
    done = one_click(visit, link(ann, "news"))

    visit.post(link(ann, "news"), {"undo": done.context["undo"]})

    assert on(ann, "news") == before
    assert consent.current(ann.subject)[news.pk].given


def test_undo_takes_only_what_was_made_for_this_link(visit: Client, ann: Recipient) -> None:
    make_category("orders")
    make_category("news", kind=CategoryKind.MARKETING, default_channels=[EMAIL])
    bob = make_recipient("bob")
    cell = {"categories": {"orders": {"channels": {"sms": {"enabled": True}}}}}
    wishes.set_preferences(bob.pk, cell, by=API, now=timezone.now())
    bobs = one_click(visit, link(bob)).context["undo"]
    one_click(visit, link(ann))

    visit.post(link(ann), {"undo": bobs})

    assert on(ann)["email"]
    assert not on(ann)["sms"]


def test_what_is_needed_is_explained_and_not_switched_off(
    visit: Client, ann: Recipient, held: Any
) -> None:
    make_category("security", name="Security", kind=CategoryKind.SECURITY, mandatory=True)
    before = held()

    asked, posted = visit.get(link(ann, "security")), one_click(visit, link(ann, "security"))

    assert (asked.status_code, posted.status_code) == (200, 409)
    assert "cannot be switched off" in posted.content.decode()
    assert f"{links.preferences_url(ann.subject)}#security".removeprefix("http://testserver") in (
        posted.content.decode()
    )
    assert held() == before


def test_a_link_that_was_tampered_with_is_answered_kindly(visit: Client, ann: Recipient) -> None:
    make_category("orders")
    url = link(ann)
    broken = url[:-3] + ("A" if url[-3] != "A" else "B") + url[-2:]

    answers = [visit.get(broken), one_click(visit, broken), visit.get("/u/x/")]

    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert "This link is not complete" in answers[0].content.decode()
    assert on(ann)["email"]


def test_the_erased_and_what_is_no_more_are_gone(visit: Client, ann: Recipient) -> None:
    Category.objects.all().delete()
    missing = visit.get(link(ann, "orders"))
    make_category("orders")
    Recipient.objects.filter(pk=ann.pk).update(
        erased_at=timezone.now(), data_key=None, profile=None, user_id=None
    )

    answers = [missing, visit.get(link(ann)), one_click(visit, link(ann))]

    assert [answer.status_code for answer in answers] == [410, 410, 410]


def test_it_speaks_the_persons_language(visit: Client) -> None:
    make_category("orders", translations={"de": {"name": "Bestellungen"}})
    ann = make_recipient(locale="de-AT")

    page = visit.get(link(ann))

    assert page.headers["Content-Language"] == "de"
    assert "Keine Nachrichten mehr über „Bestellungen“?" in page.content.decode()


def test_the_page_is_told_to_nobody(visit: Client, ann: Recipient) -> None:
    make_category("orders")

    headers = visit.get(link(ann)).headers

    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Robots-Tag"] == "noindex, nofollow"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "'unsafe-inline'" not in headers["Content-Security-Policy"]


def test_it_takes_a_fixed_number_of_queries(
    visit: Client, ann: Recipient, django_assert_num_queries: Any
) -> None:
    make_category("orders")
    make_category("news", kind=CategoryKind.MARKETING)

    with django_assert_num_queries(2):
        visit.get(link(ann))
    with django_assert_num_queries(11):
        one_click(visit, link(ann))
