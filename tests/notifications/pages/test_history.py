"""People see all that was sent to them, and nobody else does."""

from typing import Any

import pytest
from django.test import Client

from preferences.models import Recipient
from tests.factories import make_recipient
from tests.notifications.pages.conftest import choices_only, full

pytestmark = pytest.mark.django_db


def titles(page: Any) -> list[str]:
    return [one.title for one in page.context["told"]]


def test_the_newest_comes_first_with_every_way_it_took(
    visit: Client, ann: Recipient, tell: Any
) -> None:
    tell(ann, "A-1")
    tell(ann, "A-2")

    page = visit.get(full(ann, "inbox"))

    assert titles(page) == ["Order A-2", "Order A-1"]
    ways = page.context["told"][0].ways
    assert [(way.label, way.state) for way in ways] == [
        ("Email", "sent"),
        ("In the app", "arrived"),
    ]
    assert visit.get(ways[0].why).status_code == 200
    assert visit.get(ways[1].view).status_code == 200


def test_who_is_logged_in_needs_no_link(logged_in: Any, ann: Recipient, tell: Any) -> None:
    tell(ann)

    assert titles(logged_in(ann).get("/inbox/")) == ["Order A-1"]


def test_a_link_from_a_message_does_not_open_it(visit: Client, ann: Recipient, tell: Any) -> None:
    tell(ann)

    page = visit.get(choices_only(ann, "inbox"))

    assert page.status_code == 403
    assert "Order A-1" not in page.content.decode()
    assert "This link opens your choices only" in page.content.decode()


def test_nobody_sees_what_others_were_sent(visit: Client, ann: Recipient, tell: Any) -> None:
    tell(ann)
    bob = make_recipient("bob")

    page = visit.get(full(bob, "inbox"))

    assert titles(page) == []
    assert "We have not sent you anything yet." in page.content.decode()


def test_a_long_history_has_pages(
    visit: Client, ann: Recipient, tell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notifications.pages.history.PAGE", 2)
    for number in ("A-1", "A-2", "A-3"):
        tell(ann, number)
    url = full(ann, "inbox")

    first = visit.get(url)
    second = visit.get(f"{url}?below={first.context['older']}")

    assert titles(first) == ["Order A-3", "Order A-2"]
    assert titles(second) == ["Order A-1"]
    assert second.context["older"] == ""
    assert titles(visit.get(f"{url}?below=nonsense")) == titles(first)


def test_it_takes_a_fixed_number_of_queries(
    visit: Client, ann: Recipient, tell: Any, django_assert_num_queries: Any
) -> None:
    for number in ("A-1", "A-2", "A-3"):
        tell(ann, number)
    url = full(ann, "inbox")

    with django_assert_num_queries(6):
        visit.get(url)
