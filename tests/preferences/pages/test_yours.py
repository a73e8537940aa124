"""People see, take along and erase what is theirs; a link from a message does not do."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from delivery import channels
from preferences import addresses, devices
from preferences.models import Address, Recipient
from tests.factories import make_recipient
from tests.preferences.pages.conftest import choices_only, full

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann() -> Recipient:
    return make_recipient("ann", email="ann@example.com", name="Ann Example")


def phone_of(person: Recipient) -> Address:
    reach = addresses.normalise(channels.MOBILE_PUSH, "token-1", kind="fcm")
    return devices.register(
        person.pk, reach, label="Pixel", actor="test", now=timezone.now()
    ).device


def test_it_shows_addresses_and_devices(visit: Client, ann: Recipient) -> None:
    phone_of(ann)

    page = visit.get(f"{full(ann)}yours/").content.decode()

    for text in ("Ann Example", "ann@example.com", "Pixel"):
        assert text in page
    assert "token-1" not in page


def test_a_link_from_a_message_opens_none_of_it(visit: Client, ann: Recipient, held: Any) -> None:
    device = phone_of(ann)
    root, before = f"{choices_only(ann)}yours/", held()

    answers = [
        visit.get(root),
        visit.post(f"{root}export/"),
        visit.post(f"{root}erase/", {"sure": "yes"}),
        visit.post(f"{root}devices/{device.pk}/remove/"),
    ]

    assert [answer.status_code for answer in answers] == [403] * 4
    assert not any("ann@example.com" in answer.content.decode() for answer in answers)
    assert held() == before


def test_the_file_holds_everything_and_that_it_was_asked_for_is_noted(
    visit: Client, ann: Recipient, held: Any
) -> None:
    answer = visit.post(f"{full(ann)}yours/export/")

    assert answer.json()["user"]["email"] == "ann@example.com"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert "user.exported" in held()["audit_entry"][-1][0]


def test_a_device_is_taken_away(visit: Client, ann: Recipient) -> None:
    device = phone_of(ann)
    link = full(ann)

    answer = visit.post(f"{link}yours/devices/{device.pk}/remove/")

    assert answer.headers["Location"] == f"{link}yours/"
    assert Address.objects.get(pk=device.pk).retired_at is not None


def test_nobody_takes_away_what_is_not_theirs(visit: Client, ann: Recipient) -> None:
    device = phone_of(make_recipient("bob"))

    visit.post(f"{full(ann)}yours/devices/{device.pk}/remove/")

    assert Address.objects.get(pk=device.pk).retired_at is None


def test_erasing_asks_whether_it_is_meant(visit: Client, ann: Recipient) -> None:
    answer = visit.post(f"{full(ann)}yours/erase/")

    assert answer.status_code == 422
    assert "Tick the box first" in answer.content.decode()
    assert Recipient.objects.get(pk=ann.pk).erased_at is None


def test_erased_is_erased(visit: Client, ann: Recipient) -> None:
    link = full(ann)

    answer = visit.post(f"{link}yours/erase/", {"sure": "yes"})

    assert "Everything is erased" in answer.content.decode()
    assert Recipient.objects.get(pk=ann.pk).data_key is None
    assert visit.get(link).status_code == 410


def test_opening_addresses_that_change_something_does_nothing(
    visit: Client, ann: Recipient
) -> None:
    link = full(ann)

    answers = [visit.get(f"{link}yours/{tail}/") for tail in ("export", "erase")]

    assert [answer.status_code for answer in answers] == [405, 405]


def test_a_session_needs_its_csrf_token(logged_in: Any, ann: Recipient) -> None:
    client = logged_in(ann)

    assert client.get("/preferences/yours/").status_code == 200
    assert client.post("/preferences/yours/erase/", {"sure": "yes"}).status_code == 403
    assert Recipient.objects.get(pk=ann.pk).erased_at is None
