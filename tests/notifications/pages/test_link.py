"""Whoever asks for a link gets it by mail; who watches learns nothing."""

import re
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from notifications.models import Notification
from preferences import links
from preferences.models import CategoryKind, Recipient
from tests.factories import make_category, make_type
from tests.fakes.scripted import Ledger

pytestmark = pytest.mark.django_db
URL = "/preferences/link/"


@pytest.fixture(autouse=True)
def place(visit: Client) -> None:
    """Every test comes from a place of its own: counts outlive a test."""
    visit.defaults["REMOTE_ADDR"] = f"test-{uuid4().hex}"


@pytest.fixture
def letter(db: None) -> None:
    make_type(
        "preferences_link",
        category=make_category("account", kind=CategoryKind.SECURITY, mandatory=True),
        data_schema={"type": "object", "properties": {"url": {"type": "string"}}},
        words={"email": {"subject": "Your link", "body": "<p>{{ data.url }}</p>"}},
        steps=[{"channel": "email"}],
    )


def address() -> str:
    return f"{uuid4().hex}@example.com"


def of(person: Recipient) -> str:
    """A fresh address for somebody."""
    from tests.factories import make_recipient

    fresh = address()
    make_recipient(person.user_id, email=fresh)
    return fresh


def text(page: Any, typed: str) -> str:
    return page.content.decode().replace(typed, "…")


def test_the_link_comes_by_mail_and_opens_everything(
    visit: Client, ann: Recipient, letter: None, provider: Ledger, run: Any
) -> None:
    visit.post(URL, {"address": of(ann).upper()})
    run()

    (mail,) = provider.taken
    found = re.search(r"http://testserver(/preferences/[\w-]+/)", mail.content.html)
    assert found
    page = visit.get(found[1])
    assert page.status_code == 200
    assert page.context["visitor"].full
    assert page.context["visitor"].principal.recipient_id == ann.pk


def test_the_answer_is_the_same_for_the_known_and_the_unknown(
    visit: Client, ann: Recipient, letter: None, run: Any
) -> None:
    known, unknown = of(ann), address()

    first = visit.post(URL, {"address": known})
    second = visit.post(URL, {"address": unknown})

    assert first.status_code == second.status_code == 200
    assert text(first, known) == text(second, unknown)
    assert Notification.objects.count() == 1


def test_without_words_for_it_the_answer_is_still_the_same(visit: Client, ann: Recipient) -> None:
    answer = visit.post(URL, {"address": of(ann)})

    assert answer.status_code == 200
    assert not Notification.objects.exists()


def test_one_address_is_written_to_twice_a_minute_at_most(
    visit: Client, ann: Recipient, letter: None
) -> None:
    known = of(ann)

    answers = [visit.post(URL, {"address": known}) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200] * 4
    assert Notification.objects.count() == 2


def test_one_place_may_try_ten_times_a_minute(visit: Client, db: None) -> None:
    answers = [visit.post(URL, {"address": "nonsense"}) for _ in range(11)]

    assert [answer.status_code for answer in answers] == [422] * 10 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_what_is_no_address_is_said_beside_the_field(visit: Client, db: None) -> None:
    answer = visit.post(URL, {"address": "<b>ann"})

    assert answer.status_code == 422
    assert "Enter an email address, or a phone number" in answer.content.decode()
    assert 'value="&lt;b&gt;ann"' in answer.content.decode()


def test_opening_the_form_sends_nothing_and_sets_no_cookie(visit: Client, db: None) -> None:
    page = visit.get(URL)

    assert page.status_code == 200
    assert not page.cookies
    assert links.ASKED_FOR.total_seconds() == 3600
