"""Operators see how far a send to many has come, and take it back."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from delivery.models import AuditEntry
from notifications.models import Notification
from notifications.words import AudienceStatus
from notifysite.plumbing import ids
from tests.notifications.admin.rows import a_notification, an_audience

LIST = reverse("admin:notifications_audience_changelist")


@pytest.mark.parametrize(("term", "found"), [("gardening_tips", 1), ("moss", 0), ("gardening", 0)])
def test_an_audience_is_found_by_its_topic(desk: Client, term: str, found: int) -> None:
    an_audience()
    page = desk.get(LIST, {"q": term})
    assert len(page.context["cl"].result_list) == found


def test_an_audience_is_found_by_its_request_and_shows_how_far_it_is(desk: Client) -> None:
    row = an_audience(made=1)
    an_audience()
    (found,) = desk.get(LIST, {"q": str(row.request_id)}).context["cl"].result_list
    assert found.pk == row.pk
    page = desk.get(reverse("admin:notifications_audience_change", args=[row.pk]))
    assert page.context["shown"]["notifications"] == 1
    assert "gardening_tips" in page.content.decode()


def test_it_leads_to_its_notifications_and_they_to_it(desk: Client) -> None:
    row = an_audience()
    mine = a_notification(id=ids.sibling(row.request_id), audience_id=row.pk)
    Notification.objects.filter(pk=mine.pk).update(request_id=row.request_id)
    a_notification()
    page = desk.get(reverse("admin:notifications_audience_change", args=[row.pk]))
    listed = desk.get(page.context["every"]).context["cl"].result_list
    assert [one.pk for one in listed] == [mine.pk]
    story = desk.get(reverse("admin:notifications_notification_change", args=[mine.pk]))
    assert reverse("admin:notifications_audience_change", args=[row.pk]) in story.content.decode()
    nonsense = desk.get(reverse("admin:notifications_notification_changelist"), {"request": "x"})
    assert not nonsense.context["cl"].result_list


def test_an_audience_is_cancelled_and_who_did_it_is_kept(
    desk: Client, boss: Any, told: Callable[[Any], list[str]]
) -> None:
    row = an_audience()
    done = an_audience(status=AudienceStatus.DONE, due_at=None)
    url = reverse("admin:notifications_audience_cancel", args=[row.pk])
    assert told(desk.post(url, follow=True)) == ["Cancelled. What had left already stays sent."]
    late = reverse("admin:notifications_audience_cancel", args=[done.pk])
    (said,) = told(desk.post(late, follow=True))
    assert said.startswith("It is too late")
    row.refresh_from_db()
    assert row.status == AudienceStatus.CANCELLED
    assert AuditEntry.objects.get(action="audience.cancelled").actor == f"admin:{boss.pk}"
