"""The desk of suppressions: set, found and lifted by address, and imported from files."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from delivery import suppression
from delivery.models import AuditEntry, Suppression
from delivery.suppression import Unwanted
from preferences import addresses

pytestmark = pytest.mark.django_db


def test_an_address_is_suppressed_found_and_lifted_by_hand(
    desk: Client, boss: User, told: Any
) -> None:
    said = {"channel": "1", "address": "Ann@Example.com", "reason": "5", "note": "asked us to"}
    desk.post(reverse("admin:delivery_suppression_add"), said)
    row = Suppression.objects.get()
    assert bytes(row.address_hash) == addresses.email("ann@example.com").hash
    find = reverse("admin:delivery_suppression_find")
    found = desk.post(find, {"channel": "1", "term": "ann@example.com"})
    assert found["Location"] == reverse("admin:delivery_suppression_change", args=[row.pk])

    lift = reverse("admin:delivery_suppression_lift", args=[row.pk])
    assert desk.post(lift, {"note": " "}).status_code == 422
    assert Suppression.objects.count() == 1
    desk.post(lift, {"note": "a mistake of ours"})
    assert Suppression.objects.count() == 0
    lifted = AuditEntry.objects.get(action="suppression.lifted")
    assert lifted.actor == f"admin:{boss.pk}"
    assert lifted.detail == {"reason": "manual", "note": "a mistake of ours"}
    answer = desk.post(find, {"channel": "1", "term": "ann@example.com"}, follow=True)
    assert told(answer)[-1] == "That address is not suppressed."


def test_an_address_that_is_none_is_not_suppressed(desk: Client) -> None:
    said = {"channel": "2", "address": "ann@example.com", "note": "no number"}
    response = desk.post(reverse("admin:delivery_suppression_add"), said)
    assert "Must start with + and the country code" in response.content.decode()
    assert Suppression.objects.count() == 0


def test_the_list_of_suppressions_holds_no_address(desk: Client) -> None:
    hash_ = addresses.email("ann@example.com").hash
    row = Unwanted(channel=1, address_hash=hash_, source="test", note="bounced")
    suppression.suppress(row, actor="test")
    page_ = desk.get(reverse("admin:delivery_suppression_changelist")).content.decode()
    assert "bounced" in page_
    assert hash_.hex() not in page_


def test_a_reason_and_a_last_day_may_be_said(desk: Client) -> None:
    said = {"channel": "1", "address": "ann@example.com", "reason": "3", "note": "x"}
    desk.post(reverse("admin:delivery_suppression_add"), {**said, "until": "2199-12-31"})
    row = Suppression.objects.get()
    assert (row.reason, row.expires_at) == (3, datetime(2200, 1, 1, tzinfo=UTC))
    listed = desk.get(reverse("admin:delivery_suppression_changelist")).content.decode()
    assert "Opted out by STOP" in listed
    assert "Jan. 1, 2200, midnight" in listed


def test_a_last_day_that_is_over_is_refused(desk: Client) -> None:
    said = {"channel": "1", "address": "ann@example.com", "reason": "5", "note": "x"}
    url = reverse("admin:delivery_suppression_add")
    response = desk.post(url, {**said, "until": "2020-01-01"})
    assert "Name today or a later day" in response.content.decode()
    assert not Suppression.objects.exists()


def test_the_list_says_what_has_expired(desk: Client) -> None:
    Suppression.objects.create(
        channel=1, address_hash=b"x", reason=5, expires_at=datetime(2020, 1, 2, tzinfo=UTC)
    )
    listed = desk.get(reverse("admin:delivery_suppression_changelist")).content.decode()
    assert "expired Jan. 2, 2020, midnight" in listed


IMPORT = "/admin/delivery/suppression/import/"


def upload(client: Client, text: str) -> Any:
    return client.post(IMPORT, {"file": SimpleUploadedFile("list.csv", text.encode())})


def test_a_file_is_taken_in_and_the_refused_lines_are_offered(desk: Client, boss: User) -> None:
    response = upload(desk, "email,reason\nann@example.com,complaint\n=cmd(),\nann@example.com,\n")
    outcome = response.context["outcome"]
    assert (outcome.set, outcome.known, outcome.refusals) == (1, 1, 1)
    row = Suppression.objects.get()
    assert (row.reason, row.source) == (2, f"import:admin:{boss.pk}")
    start, _, encoded = response.context["download"].partition("base64,")
    assert start == "data:text/csv;charset=utf-8;"
    assert base64.b64decode(encoded).decode("utf-8-sig").splitlines()[1].startswith('"\'=cmd()",""')
    assert "Must be one plain address" in response.content.decode()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ann@example.com\n", "must name one column with addresses"),
        ("", "file is empty"),
        ("email\n" + "x" * (2 * 1024 * 1024), "At most 2 MB"),
    ],
)
def test_a_file_that_cannot_be_taken_says_why(desk: Client, text: str, told: str) -> None:
    response = upload(desk, text)
    assert response.status_code == 422
    assert told in response.content.decode()
    assert not Suppression.objects.exists()


def test_importing_takes_the_right_to_suppress(staff: Callable[[str], Client]) -> None:
    assert upload(staff("Editors"), "email\nann@example.com\n").status_code == 403
    assert not Suppression.objects.exists()
    support = staff("Support")
    assert support.get(IMPORT).status_code == 200
    upload(support, "email\nann@example.com\n")
    assert Suppression.objects.count() == 1
