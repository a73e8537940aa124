"""What people want is loaded for many of them in as many queries as for one."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from delivery import channels
from preferences import resolution, wishes
from preferences.calendar import Week, Window
from preferences.models import CategorySetting, Choice, Consent, Recipient
from tests.factories import make_category, make_recipient

pytestmark = pytest.mark.django_db

EMAIL, SMS, MOBILE_PUSH = (
    channels.EMAIL.number,
    channels.SMS.number,
    channels.MOBILE_PUSH.number,
)
THEN = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
LATER = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)
COMPLAINT, STOP, HARD_BOUNCE = 2, 3, 1


def suppress(recipient: Recipient, channel: int, reason: int, expires_at: Any = None) -> None:
    for address in recipient.addresses.filter(channel=channel)[:1]:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO suppression (channel, address_hash, reason, source, note, expires_at)"
                " VALUES (%s, %s, %s, '', '', %s)",
                [channel, bytes(address.hash), reason, expires_at],
            )


def of(recipient: Recipient) -> wishes.Wishes:
    return wishes.load([recipient.id])[recipient.id]


def test_a_person_who_said_nothing_has_no_wishes():
    recipient = make_recipient("ann", locale="de", timezone="Europe/Berlin")

    assert of(recipient) == wishes.Wishes(
        recipient_id=recipient.id,
        subject=recipient.subject,
        user_id="ann",
        locale="de",
        timezone="Europe/Berlin",
        quiet_hours=Week(),
        paused_until=None,
        changed_at=recipient.changed_at,
        erased=False,
    )


def test_choices_come_with_their_time_and_source():
    recipient, orders = make_recipient(), make_category("orders")
    for category, channel, enabled in [
        (orders, EMAIL, False),
        (orders, 0, True),
        (None, SMS, True),
    ]:
        Choice.objects.create(
            recipient=recipient,
            category=category,
            channel=channel,
            enabled=enabled,
            source="person",
            updated_at=THEN,
        )

    assert of(recipient).choices == tuple(
        resolution.Choice(category=category, channel=channel, enabled=on, at=THEN, source="person")
        for category, channel, on in [
            (orders.id, EMAIL, False),
            (orders.id, None, True),
            (None, SMS, True),
        ]
    )


def test_the_latest_entry_of_the_ledger_counts():
    recipient, news = make_recipient(), make_category("news")
    for given, at in [(True, THEN), (False, LATER)]:
        Consent.objects.create(
            subject=recipient.subject, category=news, given=given, at=at, way="api"
        )

    assert of(recipient).consents == {news.id: resolution.Consent(given=False, at=LATER)}


def test_what_counts_for_one_category_is_ready_for_resolution():
    recipient, orders, news = make_recipient(), make_category(), make_category()
    CategorySetting.objects.create(
        recipient=recipient, category=orders, snoozed_until=LATER, preferred_channel=SMS
    )

    assert of(recipient).about(orders.id) == resolution.Wishes(
        snoozed_until=LATER, preferred_channel=SMS
    )
    assert of(recipient).about(news.id) == resolution.Wishes()


def test_quiet_hours_may_have_a_zone_of_their_own():
    recipient = make_recipient(
        timezone="Europe/Berlin",
        quiet_hours={
            "timezone": "America/New_York",
            "days": {"monday": [{"start": "22:00", "end": "07:00"}]},
        },
    )

    found = of(recipient)
    assert found.quiet_hours.days[0] == (Window(1320, 420),)
    assert (found.quiet_zone().key, found.zone().key) == ("America/New_York", "Europe/Berlin")


def test_who_named_no_zone_is_in_utc():
    found = of(make_recipient())
    assert (found.quiet_zone().key, found.zone().key) == ("UTC", "UTC")


def test_a_broken_row_hinders_nobody():
    broken = make_recipient(quiet_hours={"days": "always"})
    Recipient.objects.filter(pk=broken.pk).update(timezone="Mars/Olympus")
    fine = make_recipient()

    found = wishes.load([broken.id, fine.id])

    assert found.keys() == {broken.id, fine.id}
    assert found[broken.id].quiet_hours == Week()
    assert found[broken.id].zone().key == "UTC"


@pytest.mark.parametrize("reason", [STOP, COMPLAINT])
def test_stop_and_complaint_stop_a_channel(reason: int):
    recipient = make_recipient(phone="+491701234567", email="ann@example.com")

    suppress(recipient, SMS, reason)

    assert of(recipient).stopped == {SMS}


def test_a_bounce_is_not_a_wish():
    recipient = make_recipient(email="ann@example.com")

    suppress(recipient, EMAIL, HARD_BOUNCE)

    assert of(recipient).stopped == frozenset()


def test_a_stop_that_ran_out_stops_nothing():
    recipient = make_recipient(phone="+491701234567")

    suppress(recipient, SMS, STOP, expires_at=datetime(2020, 1, 1, tzinfo=UTC))

    assert of(recipient).stopped == frozenset()


def test_a_stopped_address_that_is_retired_stops_nothing():
    recipient = make_recipient("ann", phone="+491701234567")
    suppress(recipient, SMS, STOP)

    make_recipient("ann", phone="+491701234568")

    assert of(recipient).stopped == frozenset()


def test_the_erased_are_there_and_the_unknown_are_not():
    erased = make_recipient()
    Recipient.objects.filter(pk=erased.pk).update(
        user_id=None, data_key=None, profile=None, erased_at=timezone.now()
    )

    found = wishes.load([erased.id, 0])

    assert found.keys() == {erased.id}
    assert found[erased.id].erased
    assert found[erased.id].user_id is None


@pytest.mark.parametrize("count", [1, 50])
def test_the_number_of_queries_does_not_grow_with_people(
    django_assert_num_queries: Callable[..., Any], count: int
):
    category = make_category()
    ids = []
    for number in range(count):
        recipient = make_recipient(email=f"user{number}@example.com")
        ids.append(recipient.id)
        Choice.objects.create(recipient=recipient, category=category, enabled=False)
        Consent.objects.create(subject=recipient.subject, category=category, given=True, way="api")

    with django_assert_num_queries(1):
        found = wishes.load(ids)

    assert [len(found[id].choices) for id in ids] == [1] * count
