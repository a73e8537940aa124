"""People have browsers, phones and webhooks, and a token belongs to one of them at a time."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db import connection
from rest_framework.test import APIClient

from notifysite.plumbing import crypto
from preferences import addresses, devices
from preferences.models import Address, Recipient
from tests.factories import make_recipient

pytestmark = pytest.mark.django_db

ANN, BOB = "/api/v1/users/ann/devices", "/api/v1/users/bob/devices"
PHONE = {"channel": "mobile_push", "kind": "fcm", "token": "abc:DEF"}


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def browser(auth: bytes = b"0123456789abcdef") -> dict[str, Any]:
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return {
        "channel": "web_push",
        "subscription": {
            "endpoint": "https://push.example.com/send/abc",
            "expirationTime": None,
            "keys": {"p256dh": base64url(point), "auth": base64url(auth)},
        },
    }


def in_use(user_id: str) -> list[str]:
    recipient = Recipient.objects.get(user_id=user_id)
    key = crypto.unwrap(bytes(recipient.data_key))
    rows = recipient.addresses.filter(retired_at__isnull=True).order_by("id")
    return [addresses.decrypt(row.value, key) for row in rows]


def test_a_device_is_added_listed_and_removed(service: APIClient):
    make_recipient("ann", email="ann@example.com")

    added = service.post(ANN, PHONE | {"label": "Ann's phone"})

    assert added.status_code == 201
    device = added.json()
    assert {name: device[name] for name in ("channel", "kind", "label", "last_ok_at")} == {
        "channel": "mobile_push",
        "kind": "fcm",
        "label": "Ann's phone",
        "last_ok_at": None,
    }
    assert service.get(ANN).json() == {"results": [device], "next": None, "previous": None}
    assert service.get("/api/v1/users/ann").json()["devices"] == [device]
    assert service.delete(f"{ANN}/{device['id']}").status_code == 204
    assert service.get(ANN).json()["results"] == []
    assert service.delete(f"{ANN}/{device['id']}").status_code == 404


def test_a_device_added_again_is_the_same_device(service: APIClient):
    make_recipient("ann")
    first = service.post(ANN, PHONE)

    again = service.post(ANN, PHONE | {"label": "Phone"})

    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    assert again.json()["label"] == "Phone"
    assert Address.objects.count() == 1


def test_a_browser_with_new_keys_replaces_itself(service: APIClient):
    make_recipient("ann")
    first = service.post(ANN, browser() | {"label": "Laptop"})
    renewed = browser(b"fedcba9876543210")

    again = service.post(ANN, renewed)

    assert again.status_code == 200
    assert again.json()["id"] != first.json()["id"]
    assert again.json()["label"] == "Laptop"
    (kept,) = in_use("ann")
    assert json.loads(kept)["keys"] == renewed["subscription"]["keys"]


@pytest.mark.parametrize("device", [PHONE, browser()], ids=["phone", "browser"])
def test_a_device_goes_with_whoever_logs_in_on_it(service: APIClient, device: dict[str, Any]):
    ann, _ = make_recipient("ann"), make_recipient("bob")
    service.post(ANN, device)
    before = Recipient.objects.get(pk=ann.pk).changed_at

    assert service.post(BOB, device).status_code == 201

    assert (len(in_use("ann")), len(in_use("bob"))) == (0, 1)
    assert Recipient.objects.get(pk=ann.pk).changed_at > before


def test_a_webhook_may_serve_several_people_and_each_has_one(service: APIClient):
    make_recipient("ann"), make_recipient("bob")
    shared = {"channel": "webhook", "url": "https://example.com/hook"}
    service.post(ANN, shared)
    service.post(BOB, shared)

    service.post(ANN, {"channel": "webhook", "url": "https://example.com/other"})

    assert in_use("ann") == ["https://example.com/other"]
    assert in_use("bob") == ["https://example.com/hook"]


def test_a_webhook_has_a_secret_that_is_shown_once_and_kept_under_the_person_s_key(
    service: APIClient,
):
    ann = make_recipient("ann")
    hook = {"channel": "webhook", "url": "https://example.com/hook"}

    added, again = service.post(ANN, hook), service.post(ANN, hook)

    secret = added.json()["secret"]
    assert secret.startswith("whsec_")
    assert (added.status_code, again.status_code) == (201, 200)
    assert "secret" not in again.json()
    assert secret not in service.get(ANN).content.decode()
    (row,) = Address.objects.all()
    key = crypto.unwrap(bytes(Recipient.objects.get(pk=ann.pk).data_key))
    assert secret.encode() not in bytes(row.secret)
    assert addresses.decrypt_secret(row.secret, key) == secret


def test_a_webhook_that_is_removed_and_added_again_has_another_secret(service: APIClient):
    make_recipient("ann")
    hook = {"channel": "webhook", "url": "https://example.com/hook"}
    first = service.post(ANN, hook).json()

    assert service.delete(f"{ANN}/{first['id']}").status_code == 204

    assert service.post(ANN, hook).json()["secret"] not in (None, first["secret"])


def test_a_webhook_from_before_there_were_secrets_is_given_one(service: APIClient):
    make_recipient("ann")
    hook = {"channel": "webhook", "url": "https://example.com/hook"}
    old = service.post(ANN, hook).json()
    Address.objects.update(secret=None)

    fresh = service.post(ANN, hook)

    assert (fresh.status_code, fresh.json()["id"] != old["id"]) == (200, True)
    assert fresh.json()["secret"].startswith("whsec_")
    assert in_use("ann") == ["https://example.com/hook"]


def test_a_chat_may_be_of_several_people_and_each_may_have_several(service: APIClient):
    make_recipient("ann"), make_recipient("bob")
    team = {"channel": "chat", "url": "https://hooks.slack.com/services/T/B/aBc"}
    assert service.post(ANN, team).json()["kind"] == "slack"
    service.post(BOB, team)

    added = service.post(ANN, {"channel": "chat", "url": "https://discord.com/api/webhooks/7/aBc"})

    assert (added.status_code, added.json()["kind"]) == (201, "discord")
    assert "aBc" not in added.content.decode() + service.get(ANN).content.decode()
    assert in_use("ann") == [team["url"], "https://discord.com/api/webhooks/7/aBc"]
    assert in_use("bob") == [team["url"]]


def test_a_topic_may_be_of_several_people_and_only_a_service_gives_it(
    service: APIClient, as_person: Callable[[Recipient], APIClient]
):
    ann, _ = make_recipient("ann"), make_recipient("bob")
    topic = PHONE | {"token": "/topics/news"}

    assert (service.post(ANN, topic).status_code, service.post(BOB, topic).status_code) == (
        201,
        201,
    )
    own = as_person(ann).post("/api/v1/me/devices", topic)

    assert (in_use("ann"), in_use("bob")) == (["/topics/news"], ["/topics/news"])
    assert own.status_code == 422
    (error,) = own.json()["errors"]
    assert (error["pointer"], error["code"]) == ("/token", "not_your_own")


def test_the_oldest_device_goes_when_there_are_too_many(service: APIClient):
    make_recipient("ann")
    for number in range(devices.MOST + 1):
        service.post(ANN, PHONE | {"token": f"token-{number}"})

    assert in_use("ann") == [f"token-{number}" for number in range(1, devices.MOST + 1)]


def test_an_unknown_member_is_told_which_there_are(service: APIClient):
    make_recipient("ann")
    (fault,) = service.post(ANN, PHONE | {"colour": "red"}).json()["errors"]
    there_are = "channel, kind, label, subscription, token, url"
    assert fault["detail"] == f"Unknown; there are: {there_are}."


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({}, ("/channel", "unknown_channel")),
        ({"channel": "email", "token": "x"}, ("/channel", "unknown_channel")),
        ({"channel": "in_app"}, ("/channel", "unknown_channel")),
        ({"channel": ["web_push"]}, ("/channel", "unknown_channel")),
        (PHONE | {"kind": "pigeon"}, ("/kind", "invalid_address")),
        (PHONE | {"kind": 3}, ("/kind", "invalid_address")),
        (PHONE | {"token": None}, ("/token", "invalid_address")),
        (PHONE | {"url": "https://example.com"}, ("/url", "unknown_field")),
        (PHONE | {"colour": "red"}, ("/colour", "unknown_field")),
        (PHONE | {"label": "x" * 121}, ("/label", "invalid_label")),
        ({"channel": "webhook", "url": "http://10.0.0.1/"}, ("/url", "invalid_address")),
        ({"channel": "webhook", "url": "https://10.0.0.1/"}, ("/url", "invalid_address")),
        ({"channel": "webhook", "url": "https://example.com:22/"}, ("/url", "invalid_address")),
        ({"channel": "chat", "url": "https://example.com/"}, ("/url", "invalid_address")),
        (
            {"channel": "webhook", "kind": "fcm", "url": "https://example.com/"},
            ("/kind", "unknown_field"),
        ),
        ({"channel": "web_push", "subscription": {}}, ("/subscription", "invalid_address")),
        (
            {"channel": "web_push", "subscription": browser()["subscription"] | {"endpoint": 3}},
            ("/subscription/endpoint", "invalid_address"),
        ),
        ([], ("", "invalid_type")),
    ],
)
def test_a_device_that_cannot_be_is_refused(service: APIClient, body: Any, fault: tuple[str, str]):
    make_recipient("ann")

    answer = service.post(ANN, body)

    assert answer.status_code == 422
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [fault]
    assert Address.objects.count() == 0


def test_nobody_removes_the_device_of_another(
    service: APIClient, as_person: Callable[[Recipient], APIClient]
):
    make_recipient("ann")
    bob = make_recipient("bob", email="bob@example.com")
    device = service.post(ANN, PHONE).json()["id"]
    email = Address.objects.get(recipient=bob).pk

    assert service.delete(f"{BOB}/{device}").status_code == 404
    assert as_person(bob).delete(f"/api/v1/me/devices/{device}").status_code == 404
    assert as_person(bob).delete(f"/api/v1/me/devices/{email}").status_code == 404
    assert (len(in_use("ann")), len(in_use("bob"))) == (1, 1)


def test_devices_of_nobody_are_not_found(service: APIClient):
    assert service.get(ANN).status_code == 404
    assert service.post(ANN, PHONE).status_code == 404
    assert service.delete(f"{ANN}/1").status_code == 404


@pytest.mark.parametrize("count", [1, 20])
def test_the_number_of_queries_does_not_grow_with_devices(
    service: APIClient, django_assert_num_queries: Callable[..., Any], count: int
):
    make_recipient("ann")
    for number in range(count):
        service.post(ANN, PHONE | {"token": f"token-{number}"})

    with django_assert_num_queries(2):
        answer = service.get(ANN)

    assert len(answer.json()["results"]) == count


def test_devices_are_written_into_the_audit_trail_without_their_tokens(service: APIClient):
    recipient = make_recipient("ann")
    device = service.post(ANN, PHONE).json()["id"]
    service.delete(f"{ANN}/{device}")

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT action, target, subject, detail::text FROM audit_entry"
            " WHERE action LIKE 'device%%' ORDER BY id"
        )
        assert cursor.fetchall() == [
            (
                action,
                f"device:{device}",
                recipient.subject,
                '{"kind": "fcm", "channel": "mobile_push"}',
            )
            for action in ("device.registered", "device.retired")
        ]


def test_an_id_that_no_device_can_have_is_not_found(service: APIClient):
    make_recipient("ann")
    assert service.delete(f"{ANN}/{10**30}").status_code == 404
