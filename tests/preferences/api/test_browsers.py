"""Browsers subscribe to push services we know, and what else knows them is kept in step."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone
from rest_framework.test import APIClient
from webpush.models import PushInformation, SubscriptionInfo

from delivery import channels
from delivery.models import AuditEntry, Suppression
from delivery.models.suppression import SuppressionReason
from preferences import privacy
from preferences.models import Address, Recipient
from tests.factories import make_recipient
from tests.fakes.push_service import Browser

pytestmark = pytest.mark.django_db

MINE, RENEW = "/api/v1/me/devices", "/api/v1/push/renew"


def at(endpoint: str = "https://push.example.com/send/abc") -> dict[str, Any]:
    return {"channel": "web_push", "subscription": Browser(endpoint).subscription}


@pytest.fixture
def ann(as_person) -> APIClient:
    return as_person(make_recipient("ann"))


@pytest.fixture
def account() -> Any:
    """Ann's login."""
    return get_user_model().objects.create_user("ann")


@pytest.fixture
def linked(as_person, account) -> APIClient:
    return as_person(make_recipient("ann", account=account))


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://fcm.googleapis.com/fcm/send/abc",
        "https://updates.push.services.mozilla.com/wpush/v2/abc",
        "https://wns2-par02p.notify.windows.com/w/?token=abc",
        "https://web.push.apple.com/abc",
        "https://FCM.googleapis.com/fcm/send/abc",
    ],
)
def test_a_browser_of_a_known_push_service_is_taken(ann, endpoint) -> None:
    assert ann.post(MINE, at(endpoint)).status_code == 201


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://fcm.googleapis.com/fcm/send/abc",
        "https://fcm.googleapis.com:22/fcm/send/abc",
        "https://fcm.googleapis.com.evil.example/abc",
        "https://evil.example/fcm.googleapis.com",
        "https://notify.windows.com.evil.example/abc",
        "https://evilnotify.windows.com/abc",
        "https://user:pass@fcm.googleapis.com/abc",
        "https://127.0.0.1/abc",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/abc",
        "https://localhost/abc",
        "https://2130706433/abc",
    ],
)
def test_nobody_has_us_post_elsewhere(ann, endpoint) -> None:
    answer = ann.post(MINE, at(endpoint))
    assert answer.status_code == 422
    assert [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]] == [
        ("/subscription/endpoint", "invalid_address")
    ]
    assert not Address.objects.exists()


def test_an_operator_may_allow_any_public_push_service(ann, settings) -> None:
    settings.WEBPUSH_HOSTS = ["*"]
    assert ann.post(MINE, at("https://push.elsewhere.example/abc")).status_code == 201
    assert ann.post(MINE, at("https://10.0.0.1/abc")).status_code == 422


def test_an_operator_may_allow_one_of_their_own(ann, settings) -> None:
    settings.OUTBOUND_ALLOWED_ORIGINS = ["http://127.0.0.1:8081"]
    assert ann.post(MINE, at("http://127.0.0.1:8081/abc")).status_code == 201
    assert ann.post(MINE, at("http://127.0.0.1:8082/abc")).status_code == 422


def suppressed(address: Address, reason: SuppressionReason) -> Suppression:
    return Suppression.objects.create(
        channel=address.channel, address_hash=address.hash, reason=reason
    )


@pytest.mark.parametrize("reason", [SuppressionReason.HARD_BOUNCE, SuppressionReason.DEAD_TOKEN])
def test_a_browser_that_subscribes_again_is_alive_again(ann, reason) -> None:
    ann.post(MINE, at())
    row = suppressed(Address.objects.get(), reason)

    ann.post(MINE, at())

    assert not Suppression.objects.exists()
    lifted = AuditEntry.objects.get(action="suppression.lifted")
    assert lifted.target == f"suppression:{row.pk}"


@pytest.mark.parametrize(
    "reason", [SuppressionReason.COMPLAINT, SuppressionReason.STOP, SuppressionReason.MANUAL]
)
def test_what_people_said_outlasts_a_new_subscription(ann, reason) -> None:
    ann.post(MINE, at())
    suppressed(Address.objects.get(), reason)
    ann.post(MINE, at())
    assert Suppression.objects.count() == 1


def test_a_webhook_does_not_come_alive_by_being_set_again(ann) -> None:
    hook = {"channel": "webhook", "url": "https://example.com/hook"}
    ann.post(MINE, hook)
    suppressed(Address.objects.get(), SuppressionReason.HARD_BOUNCE)
    ann.post(MINE, hook)
    assert Suppression.objects.count() == 1


def mirrored(account: Any) -> list[tuple[str, str, str]]:
    rows = PushInformation.objects.filter(user=account, group=None).order_by("pk")
    found = [row.subscription for row in rows]
    return [(row.endpoint, row.p256dh, row.auth) for row in found]


def as_row(device: dict[str, Any]) -> tuple[str, str, str]:
    said = device["subscription"]
    return said["endpoint"], said["keys"]["p256dh"], said["keys"]["auth"]


def test_django_webpush_sees_the_browsers_of_an_account(linked, account) -> None:
    first, second = at("https://push.example.com/1"), at("https://push.example.com/2")
    linked.post(MINE, first)
    removed = linked.post(MINE, second).json()["id"]
    assert mirrored(account) == [as_row(first), as_row(second)]

    linked.delete(f"{MINE}/{removed}")

    assert mirrored(account) == [as_row(first)]
    assert SubscriptionInfo.objects.count() == 1


def test_new_keys_of_a_browser_replace_the_old_row(linked, account) -> None:
    linked.post(MINE, at())
    renewed = at()
    linked.post(MINE, renewed)
    assert mirrored(account) == [as_row(renewed)]


def test_a_browser_that_goes_to_another_person_leaves_the_account(
    linked, account, as_person
) -> None:
    browser = at()
    linked.post(MINE, browser)
    as_person(make_recipient("bob")).post(MINE, browser)
    assert (mirrored(account), SubscriptionInfo.objects.count()) == ([], 0)


def test_who_has_no_account_has_no_row(ann) -> None:
    ann.post(MINE, at())
    assert not SubscriptionInfo.objects.exists()


def test_phones_and_endless_endpoints_are_not_for_django_webpush(linked, account) -> None:
    linked.post(MINE, {"channel": "mobile_push", "kind": "fcm", "token": "abc"})
    linked.post(MINE, at("https://push.example.com/" + "x" * 500))
    assert Address.objects.count() == 2
    assert mirrored(account) == []


def test_an_erased_person_s_rows_go_and_others_rows_stay(linked, account) -> None:
    own = SubscriptionInfo.objects.create(endpoint="https://push.example.com/own", browser="x")
    PushInformation.objects.create(user=account, subscription=own)
    linked.post(MINE, at())

    privacy.erase("ann", actor="test", now=timezone.now())

    assert [row.endpoint for row in SubscriptionInfo.objects.all()] == [own.endpoint]


def in_use() -> list[Address]:
    return list(Address.objects.filter(channel=channels.WEB_PUSH.number, retired_at=None))


def test_a_browser_renews_its_subscription_without_a_login(ann) -> None:
    old, fresh = at(), at("https://push.example.com/send/new")
    ann.post(MINE, old | {"label": "Laptop"})
    before = Address.objects.get()

    answer = APIClient().post(
        RENEW, {"old": old["subscription"], "subscription": fresh["subscription"]}
    )

    assert (answer.status_code, answer.content) == (204, b"")
    (after,) = in_use()
    assert after.hash != before.hash
    assert (after.recipient_id, after.label) == (before.recipient_id, "Laptop")


def test_new_keys_at_the_same_endpoint_are_taken_too(ann) -> None:
    old, fresh = at(), at()
    ann.post(MINE, old)
    body = {"old": old["subscription"], "subscription": fresh["subscription"]}
    assert APIClient().post(RENEW, body).status_code == 204
    assert len(in_use()) == 1
    assert APIClient().post(RENEW, body).status_code == 404


def test_whoever_knows_only_the_endpoint_renews_nothing(ann) -> None:
    old, fresh = at(), at("https://push.example.com/send/theirs")
    ann.post(MINE, old)
    guess = at()["subscription"]
    answer = APIClient().post(RENEW, {"old": guess, "subscription": fresh["subscription"]})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert len(in_use()) == 1


def test_a_removed_or_erased_browser_renews_nothing(ann) -> None:
    old, fresh = at(), at("https://push.example.com/send/new")
    body = {"old": old["subscription"], "subscription": fresh["subscription"]}
    device = ann.post(MINE, old).json()["id"]
    ann.delete(f"{MINE}/{device}")
    assert APIClient().post(RENEW, body).status_code == 404
    ann.post(MINE, old)
    privacy.erase("ann", actor="test", now=timezone.now())
    assert APIClient().post(RENEW, body).status_code == 404
    assert not Recipient.objects.filter(user_id="ann").exists()


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/old"),
        ({"old": 3, "subscription": at()["subscription"]}, "/old"),
        (
            {
                "old": at()["subscription"],
                "subscription": at("https://evil.example/")["subscription"],
            },
            "/subscription/endpoint",
        ),
        ({"old": {}, "subscription": {}, "user_id": "bob"}, "/user_id"),
    ],
)
def test_a_renewal_that_is_none_is_told_what_is_wrong(body, pointer) -> None:
    answer = APIClient().post(RENEW, body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
