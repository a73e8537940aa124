"""Whoever got a message can see it again as it was, and why it came."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from preferences import links, wishes
from preferences.models import Recipient
from preferences.wishes import By
from tests.factories import make_recipient
from tests.notifications.pages.conftest import mail_of, path

pytestmark = pytest.mark.django_db


def test_why_names_the_subject_the_choice_and_what_happened_when(
    visit: Client, ann: Recipient, tell: Any
) -> None:
    tell(ann)

    page = visit.get(path(links.why_url(ann.subject, mail_of(ann).id)))

    said = page.content.decode()
    assert page.status_code == 200
    assert "Messages about “Orders” come this way unless you say otherwise." in said
    assert [text for _, text in page.context["moments"]] == [
        "We were asked to tell you",
        "It was sent",
    ]
    assert "handed over to scripted." in said
    assert f'href="{path(links.preferences_url(ann.subject))}#orders"' in said


def test_why_says_so_when_it_was_the_persons_own_choice(
    visit: Client, ann: Recipient, tell: Any
) -> None:
    body = {"categories": {"orders": {"channels": {"email": {"enabled": True}}}}}
    by = By(actor="test", source="person")
    wishes.set_preferences(ann.pk, body, by=by, now=timezone.now())
    tell(ann)

    page = visit.get(path(links.why_url(ann.subject, mail_of(ann).id)))

    assert "You chose to get messages about “Orders” this way." in page.content.decode()


def test_a_message_is_shown_as_it_was_sent_in_a_frame_that_can_do_nothing(
    visit: Client, ann: Recipient, tell: Any
) -> None:
    tell(ann, "<script>alert(1)</script>")
    url = path(links.view_url(ann.subject, mail_of(ann).id))

    page, frame = visit.get(url), visit.get(f"{url}frame/")

    assert f'sandbox title="The message" src="{url}frame/"' in " ".join(
        page.content.decode().split()
    )
    assert "Hello Ann, &lt;script&gt;alert(1)&lt;/script&gt; left." in frame.content.decode()
    assert frame.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert frame.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert page.headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("make", [links.why_url, links.view_url])
def test_a_message_is_for_whom_it_was_sent_to(
    visit: Client, ann: Recipient, tell: Any, make: Any
) -> None:
    tell(ann)
    bob = make_recipient("bob")
    mail = mail_of(ann).id

    others = visit.get(path(make(bob.subject, mail)))
    broken = visit.get(path(make(ann.subject, mail))[:-4] + "AAA/")
    Recipient.objects.filter(pk=ann.pk).update(
        erased_at=timezone.now(), data_key=None, profile=None, user_id=None
    )
    erased = visit.get(path(make(ann.subject, mail)))

    assert [one.status_code for one in (others, broken, erased)] == [410, 404, 410]


def test_a_link_to_see_does_not_explain_and_the_other_way_round(
    visit: Client, ann: Recipient, tell: Any
) -> None:
    tell(ann)
    url = path(links.view_url(ann.subject, mail_of(ann).id))

    assert visit.get(url.replace("/view/", "/why/")).status_code == 404
    assert visit.get(url.replace("/view/", "/preferences/")).status_code == 404
    assert visit.get(url.replace("/view/", "/inbox/")).status_code == 404


@pytest.mark.parametrize("make", [links.why_url, links.view_url])
def test_these_pages_are_told_to_nobody_and_set_no_cookie(
    visit: Client, ann: Recipient, tell: Any, make: Any
) -> None:
    tell(ann)

    page = visit.get(path(make(ann.subject, mail_of(ann).id)))

    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert not page.cookies


def test_why_speaks_the_persons_language(visit: Client, ann: Recipient, tell: Any) -> None:
    tell(ann)
    Recipient.objects.filter(pk=ann.pk).update(locale="de")

    page = visit.get(path(links.why_url(ann.subject, mail_of(ann).id)))

    assert "Warum habe ich das bekommen?" in page.content.decode()
    assert page.headers["Content-Language"] == "de"


def test_why_takes_a_fixed_number_of_queries(
    visit: Client, ann: Recipient, tell: Any, django_assert_num_queries: Any
) -> None:
    tell(ann)
    url = path(links.why_url(ann.subject, mail_of(ann).id))

    with django_assert_num_queries(13):
        visit.get(url)
