"""Links outlive what they are about: once its month is dropped they say so, and nothing breaks."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from delivery.models import InboxItem
from notifications import retention
from preferences import links
from preferences.models import Recipient
from tests.notifications.pages.conftest import full, mail_of, path

pytestmark = pytest.mark.django_db

LATER = datetime.now(UTC) + timedelta(days=500)


def test_links_of_old_mails_say_that_nothing_is_kept(
    visit: Client, ann: Recipient, tell: Any
) -> None:
    tell(ann)
    mail = mail_of(ann).id
    retention.drop(LATER, actor="test")

    view, why = path(links.view_url(ann.subject, mail)), path(links.why_url(ann.subject, mail))
    pages = [visit.get(url) for url in (view, f"{view}frame/", why)]

    assert [page.status_code for page in pages] == [410, 410, 410]
    assert all("we keep nothing of it" in page.content.decode() for page in pages)


def test_an_old_mail_still_unsubscribes(visit: Client, ann: Recipient, tell: Any) -> None:
    tell(ann)
    url = path(links.unsubscribe_url(ann.subject, "orders", mail_of(ann).id))
    retention.drop(LATER, actor="test")

    assert visit.get(url).status_code == 200


def test_history_shows_what_is_kept(visit: Client, ann: Recipient, tell: Any) -> None:
    tell(ann)
    retention.drop(LATER, actor="test")

    page = visit.get(full(ann, "inbox"))

    assert (page.status_code, page.context["told"]) == (200, [])
    retention.sweep(LATER)
    assert not InboxItem.objects.exists()
