"""People: looked up by hash, masked until somebody asks, erased only on purpose."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from delivery import channels, people
from delivery.models import AuditEntry
from preferences import addresses
from preferences.models import Recipient
from tests import factories
from tests.notifications.admin.rows import a_notification


@pytest.fixture
def ann(db: None) -> Recipient:
    factories.make_category("orders")
    return factories.make_recipient(
        "ann",
        email="Ann.Example@example.com",
        phone="+491701234567",
        name="Ann Example",
        attributes={"plan": "gold"},
    )


def page(person: Recipient, name: str = "change") -> str:
    return reverse(f"admin:preferences_recipient_{name}", args=[person.pk])


SECRETS = ("Ann Example", "gold", "ann.example@example.com", "+491701234567")


def shown(response: Any) -> set[str]:
    text = response.content.decode().lower()
    return {secret for secret in SECRETS if secret.lower() in text}


@pytest.mark.parametrize("term", ["ann", "ANN.example@Example.com", " +49 170 1234567 "])
def test_somebody_is_found_by_user_id_or_address(desk: Client, ann: Recipient, term: str) -> None:
    found = desk.post(reverse("admin:preferences_recipient_find"), {"term": term})
    assert found["Location"] == page(ann)


@pytest.mark.parametrize("term", ["an", "example.com", "nobody@example.com", ""])
def test_nobody_is_found_by_a_part(desk: Client, ann: Recipient, term: str, told: Any) -> None:
    find = reverse("admin:preferences_recipient_find")
    assert told(desk.post(find, {"term": term}, follow=True)) == ["Nobody is known by that."]


def test_an_address_is_never_looked_up_by_get(desk: Client, ann: Recipient) -> None:
    response = desk.get(reverse("admin:preferences_recipient_find"), {"term": "ann"})
    assert response.status_code == 405


def test_two_who_share_an_address_are_both_offered(desk: Client, ann: Recipient) -> None:
    bob = factories.make_recipient("bob", email="ann.example@example.com")
    find = reverse("admin:preferences_recipient_find")
    response = desk.post(find, {"term": "ann.example@example.com"})
    assert {person.pk for person in response.context["people"]} == {ann.pk, bob.pk}


def test_a_person_is_masked(desk: Client, ann: Recipient) -> None:
    response = desk.get(page(ann))
    assert shown(response) == set()
    assert "a•••@•••.com" in response.content.decode().lower()
    assert "+49•••67" in response.content.decode()


def test_revealing_shows_all_once_and_is_audited(desk: Client, ann: Recipient, boss: User) -> None:
    response = desk.post(page(ann, "reveal"))
    assert shown(response) == set(SECRETS)
    assert "no-store" in response["Cache-Control"]
    entry = AuditEntry.objects.get(action="recipient.revealed")
    assert (entry.actor, entry.subject) == (f"admin:{boss.pk}", ann.subject)
    assert shown(desk.get(page(ann))) == set()


def test_a_device_is_never_shown(desk: Client, ann: Recipient) -> None:
    listed = addresses.normalise(channels.MOBILE_PUSH, "a-secret-token", kind="fcm")
    ann.addresses.create(
        channel=listed.channel,
        kind="fcm",
        value=addresses.encrypt(listed, people.data_keys([ann.pk])[ann.pk]),
        hash=listed.hash,
    )
    assert "a-secret-token" not in desk.post(page(ann, "reveal")).content.decode()


def test_a_person_shows_what_was_sent_lately(desk: Client, ann: Recipient) -> None:
    row = a_notification(person=ann)
    response = desk.get(page(ann))
    assert [one["id"] for one in response.context["recent"]] == [row.id]
    listed = desk.get(response.context["all_url"])
    assert [one.id for one in listed.context["cl"].result_list] == [row.id]


def test_erasing_asks_for_the_user_id(desk: Client, ann: Recipient, boss: User) -> None:
    desk.post(page(ann, "erase"), {"confirm": "bob"})
    ann.refresh_from_db()
    assert ann.erased_at is None
    desk.post(page(ann, "erase"), {"confirm": "ann"})
    ann.refresh_from_db()
    assert ann.erased_at is not None
    assert AuditEntry.objects.get(action="user.erased").actor == f"admin:{boss.pk}"
    response = desk.get(page(ann))
    assert response.status_code == 200
    assert "can be read any more" in response.content.decode()
