"""Files on the desk: what there is and whose, never what is in them."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from notifications.models import Attachment
from preferences.models import Recipient
from tests.notifications.admin.rows import a_notification, an_attachment

pytestmark = pytest.mark.django_db
LIST = reverse("admin:notifications_attachment_changelist")


def page(row: Any) -> str:
    return reverse(f"admin:notifications_{row._meta.model_name}_change", args=[row.pk])


def test_a_list_says_whose_a_file_is_and_never_reads_its_bytes(desk: Client) -> None:
    mine, shared = an_attachment(), an_attachment(person=None)
    ann = Recipient.objects.get(pk=mine.recipient_id)
    with CaptureQueriesContext(connection) as queries:
        text = desk.get(LIST).content.decode()
    assert [one for one in queries if '"content"' in one["sql"]] == []
    for words in ("invoice", "application/pdf", "4\xa0bytes", ann.user_id, "anybody"):
        assert words in text
    assert str(shared.service) in text


def test_a_file_whose_key_is_gone_is_listed_all_the_same(desk: Client) -> None:
    row = an_attachment()
    Recipient.objects.filter(pk=row.recipient_id).update(
        user_id=None, data_key=None, profile=None, erased_at="2026-01-01T00:00:00Z"
    )
    for url in (LIST, page(row)):
        text = desk.get(url).content.decode()
        assert "(can no longer be read)" in text
        assert "an erased person" in text


def test_a_notification_shows_its_files_and_which_of_them_are_gone(desk: Client) -> None:
    there, gone = an_attachment(person=None), an_attachment(person=None)
    row = a_notification(attachments=[there.uuid, gone.uuid])
    Attachment.objects.filter(pk=gone.pk).delete()
    text = desk.get(page(row)).content.decode()
    assert "invoice" in text
    assert f"{gone.uuid}</span>, deleted" in text


def test_names_of_files_are_for_those_who_may_see_what_was_said(client: Client) -> None:
    helper = User.objects.create_user("helper", is_staff=True)
    helper.user_permissions.add(Permission.objects.get(codename="view_notification"))
    client.force_login(helper)
    row = a_notification(attachments=[an_attachment(person=None).uuid])
    assert "invoice" not in client.get(page(row)).content.decode()
    assert client.get(LIST).status_code == 403
