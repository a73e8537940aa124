"""Words for every channel, all the way from the API to each channel's provider."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from delivery import channels
from delivery.inbox import content as inbox
from delivery.lifecycle import State
from delivery.models import Delivery, InboxItem
from notifications import sent
from notifications.catalog.publish import say
from notifications.models import Notification, Render
from preferences.keys import data_keys
from preferences.models import Recipient
from tests.factories import make_category, make_type
from tests.fakes.scripted import Ledger

pytestmark = pytest.mark.django_db
WORDS = {
    "title": "Order {{ data.number }}",
    "body": "Hello {{ recipient.name | default: 'you' }}, it is late.",
    "image": "/a.png",
    "icon": "/i.png",
    "url": "/o/{{ data.number }}",
    "actions": [{"label": "See it", "url": "/o/{{ data.number }}?see"}],
}
ANN = {"user_id": "ann", "name": "Ann", "email": "ann@example.com", "phone": "+4915112345678"}


@pytest.fixture
def order_late(db: None) -> Any:
    return make_type(
        "order_late",
        steps=[{"channel": "email"}, {"channel": "sms"}, {"channel": "in_app"}],
        category=make_category(default_channels=[1, 2, 5]),
        words={"general": WORDS},
    )


def send(api: APIClient, **body: Any) -> Any:
    body = {"type": "order_late", "to": ANN, "data": {"number": "A-1"}, **body}
    return api.post("/api/v1/notifications", body, format="json")


def test_each_channel_takes_what_it_can_show(
    api: APIClient, provider: Ledger, order_late: Any, run: Callable[[], int]
) -> None:
    assert send(api).status_code == 202
    run()

    mail, sms = sorted(provider.taken, key=lambda message: message.channel)
    assert mail.content.subject == "Order A-1"
    assert mail.content.text == (
        "Order A-1\n\nHello Ann, it is late.\n\nSee it: http://testserver/o/A-1?see\n\n"
        "http://testserver/o/A-1"
    )
    assert 'src="http://testserver/a.png"' in mail.content.html
    assert sms.content.text == "Order A-1\nHello Ann, it is late.\nhttp://testserver/o/A-1"
    item, ann = InboxItem.objects.get(), Recipient.objects.get()
    said = inbox.unseal(bytes(item.content), data_keys([ann.pk])[ann.pk], item.id)
    assert said == {
        "title": "Order A-1",
        "body": "Hello Ann, it is late.",
        "url": "http://testserver/o/A-1",
        "image": "http://testserver/a.png",
        "icon": "http://testserver/i.png",
        "actions": [{"label": "See it", "url": "http://testserver/o/A-1?see"}],
    }


def test_all_channels_name_the_one_version_and_can_be_shown_again(
    api: APIClient, provider: Ledger, order_late: Any, run: Callable[[], int]
) -> None:
    version = order_late.templates.get().versions.get()
    send(api)
    run()
    say(order_late, "general", "en", {"title": "Other", "body": "words"}, actor="test")

    assert set(Render.objects.values_list("version_id", flat=True)) == {version.pk}
    again = {row.channel: sent.content(row) for row in Delivery.objects.all()}
    assert again[channels.EMAIL.number]["subject"] == "Order A-1"
    assert again[channels.IN_APP.number]["title"] == "Order A-1"


def test_what_the_words_need_is_asked_for_at_the_door(api: APIClient, order_late: Any) -> None:
    answer = send(api, data={})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/data/number"
    assert Notification.objects.count() == 0


def test_words_a_channel_has_of_its_own_win_from_the_next_message_on(
    api: APIClient, provider: Ledger, order_late: Any, run: Callable[[], int]
) -> None:
    say(order_late, "sms", "en", {"text": "Late: {{ data.number }}"}, actor="test")
    send(api, channels=["sms"])
    run()

    assert [message.content.text for message in provider.taken] == ["Late: A-1"]
    assert {row.state for row in Delivery.objects.all()} == {State.SENT}


def test_a_preferred_step_may_be_taken_on_any_channel(
    api: APIClient, provider: Ledger, run: Callable[[], int]
) -> None:
    make_type(
        "order_late",
        steps=[{"channel": "preferred"}],
        category=make_category(default_channels=[2, 1]),
        words={"general": WORDS},
    )

    assert send(api).status_code == 202
    run()

    assert [message.channel for message in provider.taken] == [channels.SMS.number]
