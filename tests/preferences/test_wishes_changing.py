"""People change what they want, and each change holds, is recorded and can be explained."""

import json
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from delivery import channels
from preferences import categories, consent, wishes
from preferences.models import CategoryKind, Choice, Consent, Recipient
from preferences.wishes import By, EditsInvalid, RecipientGone
from tests.factories import make_category, make_recipient

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
API = By(actor="key:ntf_ab", source="api")
PERSON = By(actor="person", source="person", shown="Send me the newsletter")
EMAIL, SMS, IN_APP = channels.EMAIL.number, channels.SMS.number, channels.IN_APP.number


def patch(recipient: Recipient, body: Any, by: By = API, now: datetime = NOW) -> None:
    wishes.set_preferences(recipient.id, body, by=by, now=now)


def shown(recipient: Recipient) -> dict[str, Any]:
    found = wishes.load([recipient.id])[recipient.id]
    return wishes.effective(found, categories.every(), now=NOW)


def is_on(recipient: Recipient, category: str) -> list[str]:
    """The channels that may be used for a category."""
    said = shown(recipient)["categories"][category]["channels"]
    return [channel for channel, state in said.items() if state["enabled"]]


def faults(recipient: Recipient, body: Any) -> list[tuple[str, str]]:
    with pytest.raises(EditsInvalid) as refused:
        patch(recipient, body)
    return [(fault.pointer, fault.code) for fault in refused.value.faults]


def audited() -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT actor, action, target, subject, detail::text FROM audit_entry")
        return [(*row[:-1], json.loads(row[-1])) for row in cursor.fetchall()]


def test_who_said_nothing_is_shown_what_holds_by_default():
    make_category("orders")
    off = {"enabled": False, "source": "default", "updated_at": None}
    on = {"enabled": True, "source": "default", "updated_at": None}

    assert shown(make_recipient(locale="de")) == {
        "categories": {
            "orders": {
                "enabled": True,
                "cadence": None,
                "snoozed_until": None,
                "cap": None,
                "preferred_channel": None,
                "channels": {
                    "email": on,
                    "sms": off,
                    "web_push": off,
                    "mobile_push": off,
                    "in_app": on,
                    "webhook": off,
                    "chat": off,
                },
            }
        },
        "channels": {spec.key: {"enabled": True} for spec in channels.every()},
        "quiet_hours": None,
        "paused_until": None,
        "locale": "de",
        "timezone": None,
    }


def test_what_is_patched_is_what_is_shown():
    recipient, _ = make_recipient(), make_category("orders")

    patch(
        recipient,
        {
            "categories": {
                "orders": {
                    "snoozed_until": "2026-12-24T18:00:00+01:00",
                    "preferred_channel": "sms",
                    "channels": {"sms": {"enabled": True}, "email": {"enabled": False}},
                }
            },
            "channels": {"webhook": {"enabled": False}},
            "quiet_hours": {
                "timezone": "Europe/Berlin",
                "days": {"monday": [{"start": "22:00", "end": "07:00"}]},
            },
            "paused_until": "2026-11-03T00:00:00Z",
            "locale": "de_CH",
            "timezone": "Europe/Zurich",
        },
    )

    said = shown(recipient)
    orders = said["categories"]["orders"]
    assert orders["snoozed_until"] == datetime(2026, 12, 24, 17, 0, tzinfo=UTC)
    assert orders["preferred_channel"] == "sms"
    assert is_on(recipient, "orders") == ["sms", "in_app"]
    assert orders["channels"]["sms"]["source"] == "choice_category_channel"
    assert said["channels"]["webhook"] == {"enabled": False}
    assert said["quiet_hours"] == {
        "timezone": "Europe/Berlin",
        "days": {"monday": [{"start": "22:00", "end": "07:00"}]},
    }
    assert said["paused_until"] == datetime(2026, 11, 3, tzinfo=UTC)
    assert (said["locale"], said["timezone"]) == ("de-CH", "Europe/Zurich")


def test_null_goes_back_to_what_holds_by_default():
    recipient, _ = make_recipient(locale="de", timezone="Europe/Berlin"), make_category("orders")
    before = shown(make_recipient())
    patch(
        recipient,
        {
            "categories": {"orders": {"enabled": False, "channels": {"sms": {"enabled": True}}}},
            "channels": {"email": {"enabled": False}},
            "quiet_hours": {"days": {"sunday": [{"start": "00:00", "end": "24:00"}]}},
            "paused_until": "2030-01-01T00:00:00Z",
        },
    )

    patch(
        recipient,
        {
            "categories": {"orders": {"enabled": None, "channels": {"sms": {"enabled": None}}}},
            "channels": {"email": {"enabled": None}},
            "quiet_hours": None,
            "paused_until": None,
            "locale": None,
            "timezone": None,
        },
    )

    assert shown(recipient) == before
    assert Choice.objects.count() == 0


def test_a_channel_off_for_everything_gives_way_only_to_a_later_choice():
    recipient, _, _ = make_recipient(), make_category("orders"), make_category("bills")
    patch(recipient, {"categories": {"orders": {"channels": {"email": {"enabled": True}}}}})

    patch(recipient, {"channels": {"email": {"enabled": False}}})
    assert (is_on(recipient, "orders"), is_on(recipient, "bills")) == (["in_app"], ["in_app"])

    patch(recipient, {"categories": {"orders": {"channels": {"email": {"enabled": True}}}}})
    assert is_on(recipient, "orders") == ["email", "in_app"]
    assert is_on(recipient, "bills") == ["in_app"]


def test_in_one_request_a_category_is_an_exception_to_a_channel():
    recipient, _, _ = make_recipient(), make_category("orders"), make_category("bills")

    patch(
        recipient,
        {
            "categories": {"orders": {"channels": {"email": {"enabled": True}}}},
            "channels": {"email": {"enabled": False}},
        },
    )

    assert is_on(recipient, "orders") == ["email", "in_app"]
    assert is_on(recipient, "bills") == ["in_app"]


def test_a_channel_switched_on_again_goes_nowhere_it_did_not_go_before():
    recipient, _ = make_recipient(), make_category("orders")
    patch(recipient, {"channels": {"sms": {"enabled": False}}})

    patch(recipient, {"channels": {"sms": {"enabled": True}}})

    assert is_on(recipient, "orders") == ["email", "in_app"]


def test_a_category_switched_off_is_off_on_channels_once_chosen_for_it():
    recipient, _ = make_recipient(), make_category("orders")
    patch(recipient, {"categories": {"orders": {"channels": {"sms": {"enabled": True}}}}})

    patch(recipient, {"categories": {"orders": {"enabled": False}}})

    assert is_on(recipient, "orders") == []
    assert shown(recipient)["categories"]["orders"]["enabled"] is False


def test_a_category_switched_on_again_has_a_channel():
    recipient, _ = make_recipient(), make_category("orders")
    off = {channel: {"enabled": False} for channel in ("email", "in_app")}
    patch(recipient, {"categories": {"orders": {"channels": off}}})

    patch(recipient, {"categories": {"orders": {"enabled": True}}})

    assert is_on(recipient, "orders") == ["email", "in_app"]


def test_a_category_switched_on_again_leaves_a_channel_that_was_refused_off():
    recipient, _ = make_recipient(), make_category("orders")
    patch(recipient, {"categories": {"orders": {"channels": {"email": {"enabled": False}}}}})

    patch(recipient, {"categories": {"orders": {"enabled": True}}})

    assert is_on(recipient, "orders") == ["in_app"]


def test_everything_can_be_switched_off_and_a_later_choice_is_an_exception():
    recipient = make_recipient()
    make_category("orders"), make_category("bills")
    news = make_category("news", kind=CategoryKind.MARKETING)
    patch(recipient, {"categories": {"news": {"enabled": True}}})

    wishes.set_choice(recipient.id, category=None, channel=None, enabled=False, by=PERSON, now=NOW)
    assert [is_on(recipient, key) for key in ("orders", "bills", "news")] == [[], [], []]
    assert not consent.current(recipient.subject)[news.id].given

    patch(recipient, {"categories": {"orders": {"enabled": True}}})
    assert is_on(recipient, "orders") == ["email", "in_app"]
    assert is_on(recipient, "bills") == []


@pytest.mark.parametrize(
    ("category", "channel", "left"),
    [("orders", None, []), ("orders", EMAIL, ["in_app"]), (None, EMAIL, ["in_app"])],
)
def test_one_choice_can_be_set_by_itself(
    category: str | None, channel: int | None, left: list[str]
):
    recipient, _ = make_recipient(), make_category("orders")

    wishes.set_choice(
        recipient.id, category=category, channel=channel, enabled=False, by=PERSON, now=NOW
    )

    assert is_on(recipient, "orders") == left


def test_a_choice_about_a_category_that_is_gone_is_refused():
    with pytest.raises(EditsInvalid):
        wishes.set_choice(
            make_recipient().id, category="gone", channel=None, enabled=False, by=PERSON, now=NOW
        )


def test_marketing_is_off_until_it_is_consented_to_and_the_ledger_says_how():
    recipient, news = (
        make_recipient(locale="de"),
        make_category("news", kind=CategoryKind.MARKETING),
    )
    assert is_on(recipient, "news") == []

    patch(recipient, {"categories": {"news": {"enabled": True}}}, by=PERSON)

    assert is_on(recipient, "news") == ["email", "in_app"]
    (entry,) = consent.history(recipient.subject)
    assert (entry.category, entry.given) == (news, True)
    assert (entry.way, entry.text, entry.locale) == (
        "preference_centre",
        "Send me the newsletter",
        "de",
    )


@pytest.mark.parametrize("enabled", [False, None])
def test_switching_marketing_off_withdraws_consent(enabled: bool | None):
    recipient, _ = make_recipient(), make_category("news", kind=CategoryKind.MARKETING)
    patch(recipient, {"categories": {"news": {"enabled": True}}})

    patch(recipient, {"categories": {"news": {"enabled": enabled}}})

    assert [entry.given for entry in consent.history(recipient.subject)] == [True, False]
    assert is_on(recipient, "news") == []


def test_consent_said_twice_is_recorded_once():
    recipient, _ = make_recipient(), make_category("news", kind=CategoryKind.MARKETING)

    for _ in range(2):
        patch(recipient, {"categories": {"news": {"enabled": True}}})

    assert Consent.objects.count() == 1


def test_who_switches_on_one_channel_of_marketing_consents_to_that_channel_only():
    recipient, _ = make_recipient(), make_category("news", kind=CategoryKind.MARKETING)

    patch(recipient, {"categories": {"news": {"channels": {"sms": {"enabled": True}}}}})

    assert is_on(recipient, "news") == ["sms"]
    assert [entry.given for entry in consent.history(recipient.subject)] == [True]


def test_a_mandatory_category_keeps_one_channel():
    recipient, _ = make_recipient(), make_category("security", mandatory=True)

    patch(recipient, {"categories": {"security": {"channels": {"email": {"enabled": False}}}}})
    assert is_on(recipient, "security") == ["in_app"]

    body = {"categories": {"security": {"channels": {"in_app": {"enabled": False}}}}}
    assert faults(recipient, body) == [("/categories/security/channels", "mandatory")]
    assert is_on(recipient, "security") == ["in_app"]


def test_another_channel_of_a_mandatory_category_may_take_over():
    recipient, _ = make_recipient(), make_category("security", mandatory=True)
    said = {"email": {"enabled": False}, "in_app": {"enabled": False}, "sms": {"enabled": True}}

    patch(recipient, {"categories": {"security": {"channels": said}}})

    assert is_on(recipient, "security") == ["sms"]


def test_a_mandatory_category_is_neither_switched_off_nor_snoozed():
    recipient, _ = make_recipient(), make_category("security", mandatory=True)
    body = {"categories": {"security": {"enabled": False, "snoozed_until": "2030-01-01T00:00:00Z"}}}

    assert faults(recipient, body) == [
        ("/categories/security/enabled", "mandatory"),
        ("/categories/security/snoozed_until", "mandatory"),
    ]


def test_every_fault_of_a_body_is_reported_and_nothing_is_written():
    recipient, _ = make_recipient(), make_category("orders")
    body = {
        "categories": {
            "shoes": {"enabled": True},
            "orders": {
                "enabled": "yes",
                "snoozed_until": "tomorrow",
                "preferred_channel": "pigeon",
                "cadence": {"every": "day"},
                "cap": 3,
                "colour": "red",
                "channels": {
                    "pigeon": {"enabled": True},
                    "sms": True,
                    "email": {"enabled": True, "source": "default"},
                },
            },
        },
        "channels": {"email": {"enabled": 1}},
        "quiet_hours": {"days": {"monday": [{"start": "25:00", "end": "07:00"}]}},
        "paused_until": "2026-11-03T00:00:00",
        "locale": "klingon!",
        "timezone": "Mars/Olympus",
        "topics": ["python"],
        "mood": "good",
    }

    assert faults(recipient, body) == [
        ("/categories/shoes", "unknown_category"),
        ("/categories/orders/enabled", "invalid_type"),
        ("/categories/orders/snoozed_until", "invalid_time"),
        ("/categories/orders/preferred_channel", "unknown_channel"),
        ("/categories/orders/cadence", "not_available"),
        ("/categories/orders/cap", "not_available"),
        ("/categories/orders/colour", "unknown_field"),
        ("/categories/orders/channels/pigeon", "unknown_channel"),
        ("/categories/orders/channels/sms", "invalid_type"),
        ("/categories/orders/channels/email/source", "read_only"),
        ("/channels/email/enabled", "invalid_type"),
        ("/quiet_hours/days/monday/0/start", "invalid_time"),
        ("/paused_until", "invalid_time"),
        ("/locale", "invalid_locale"),
        ("/timezone", "unknown_timezone"),
        ("/topics/0", "unknown_topic"),
        ("/mood", "unknown_field"),
    ]
    assert Choice.objects.count() == 0
    assert audited() == []


@pytest.mark.parametrize("body", [None, [], "on", 3])
def test_a_body_is_an_object(body: Any):
    assert faults(make_recipient(), body) == [("", "invalid_type")]


@pytest.mark.parametrize(
    "moment",
    ["", "2026-11-03", 1762128000, True, "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00"],
)
def test_a_moment_has_a_date_a_time_and_an_offset(moment: Any):
    assert faults(make_recipient(), {"paused_until": moment}) == [("/paused_until", "invalid_time")]


def test_what_cannot_be_set_yet_may_come_back_as_it_was_shown():
    recipient, _ = make_recipient(), make_category("orders")

    patch(recipient, {"categories": {"orders": {"cadence": None, "cap": None}}})

    assert audited() == []


def test_a_change_moves_changed_at_and_saying_nothing_does_not():
    recipient, _ = make_recipient(), make_category("orders")

    patch(recipient, {"categories": {"orders": {}}, "channels": {}})
    assert Recipient.objects.get().changed_at == recipient.changed_at

    patch(recipient, {"paused_until": "2030-01-01T00:00:00Z"})
    assert Recipient.objects.get().changed_at > recipient.changed_at


def test_a_change_is_written_into_the_audit_trail_without_anything_about_the_person():
    recipient = make_recipient("ann", email="ann@example.com")
    make_category("orders"), make_category("news", kind=CategoryKind.MARKETING)

    patch(
        recipient,
        {
            "categories": {
                "orders": {"channels": {"sms": {"enabled": True}}},
                "news": {"enabled": True, "preferred_channel": "email"},
            },
            "timezone": "Europe/Berlin",
        },
    )

    assert audited() == [
        (
            "key:ntf_ab",
            "preferences.changed",
            f"user:{recipient.subject}",
            recipient.subject,
            {
                "source": "api",
                "choices": [
                    {"category": "orders", "channel": "sms", "enabled": True},
                    {"category": "news", "channel": None, "enabled": True},
                ],
                "consents": {"news": True},
                "settings": ["news"],
                "changed": ["timezone"],
                "topics": {},
            },
        )
    ]


def test_nobody_can_change_the_wishes_of_the_erased():
    erased = make_recipient()
    Recipient.objects.filter(pk=erased.pk).update(
        user_id=None, data_key=None, profile=None, erased_at=timezone.now()
    )

    for recipient_id in (erased.id, 0):
        with pytest.raises(RecipientGone):
            wishes.set_preferences(recipient_id, {"locale": "de"}, by=API, now=NOW)


def test_choices_stay_in_the_order_they_were_made_even_if_a_clock_runs_back():
    recipient, _ = make_recipient(), make_category("orders")
    patch(recipient, {"channels": {"email": {"enabled": False}}})

    earlier = NOW - timedelta(minutes=5)
    body = {"categories": {"orders": {"channels": {"email": {"enabled": True}}}}}
    patch(recipient, body, now=earlier)

    assert is_on(recipient, "orders") == ["email", "in_app"]


@pytest.mark.django_db(transaction=True)
def test_changes_at_the_same_time_are_all_kept():
    recipient, _ = make_recipient(), make_category("orders")
    raised: list[BaseException] = []

    def choose(channel: str) -> None:
        try:
            body = {"categories": {"orders": {"channels": {channel: {"enabled": True}}}}}
            patch(recipient, body)
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            raised.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=choose, args=[spec.key]) for spec in channels.every()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert raised == []
    assert is_on(recipient, "orders") == [spec.key for spec in channels.every()]


def test_a_category_switched_off_stays_off_where_a_channel_is_on_as_a_whole():
    make_category("orders")
    ann = make_recipient()
    Choice.objects.create(recipient=ann, channel=SMS, enabled=True, source="import")
    assert is_on(ann, "orders") == ["email", "sms", "in_app"]

    patch(ann, {"categories": {"orders": {"enabled": False}}})

    assert is_on(ann, "orders") == []
