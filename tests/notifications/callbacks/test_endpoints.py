"""Callback endpoints: who may make them, what is checked, and secrets that are shown once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from delivery.lifecycle import State
from delivery.models import AuditEntry
from notifications.callbacks import endpoints, secrets
from notifications.models import CallbackEndpoint
from notifications.words import Mode
from tests.factories import make_service
from tests.fakes.service import Reply
from tests.fakes.webhook_receiver import WebhookReceiver
from tests.notifications.callbacks.conftest import URL, callbacks, let_time_pass

pytestmark = pytest.mark.django_db
Run = Callable[[], int]
BODY = {"url": "https://8.8.8.8/hook", "events": ["delivery.sent", "delivery.dead"]}


def faults(answer: Any) -> list[tuple[str, str]]:
    assert answer.status_code == 422, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"
    return [(one["pointer"], one["code"]) for one in answer.json()["errors"]]


def test_its_secret_is_shown_once_and_kept_encrypted(shop: APIClient) -> None:
    answer = shop.post(URL, {**BODY, "description": "The shop's own"})

    made = answer.json()
    secret = made.pop("secret")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (201, "no-store")
    assert secret.startswith("whsec_")
    assert made.pop("created_at")
    assert made == {
        "id": str(CallbackEndpoint.objects.get().pk),
        "url": "https://8.8.8.8/hook",
        "description": "The shop's own",
        "events": ["delivery.sent", "delivery.dead"],
        "mode": "live",
        "enabled": True,
        "disabled_reason": None,
        "disabled_at": None,
        "failing_since": None,
        "old_secret_until": None,
    }
    one = f"{URL}/{made['id']}"
    for seen in (shop.get(URL), shop.get(one), shop.patch(one, {"description": "x"})):
        assert seen.status_code == 200
        assert b"whsec_" not in seen.content
    row = CallbackEndpoint.objects.get()
    assert secret.encode() not in bytes(row.secret) + bytes(row.data_key)
    assert secrets.read(bytes(row.data_key), bytes(row.secret), None) == (secret,)
    assert "whsec_" not in repr(endpoints.Issued(row, secret))


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({}, [("/url", "required"), ("/events", "required")]),
        ({**BODY, "url": "http://8.8.8.8/"}, [("/url", "unsafe_url")]),
        ({**BODY, "url": "https://127.0.0.1/"}, [("/url", "unsafe_url")]),
        ({**BODY, "url": "https://localhost/"}, [("/url", "unsafe_url")]),
        ({**BODY, "url": "https://8.8.8.8:22/"}, [("/url", "unsafe_url")]),
        ({**BODY, "url": "https://u:p@8.8.8.8/"}, [("/url", "unsafe_url")]),
        ({**BODY, "url": "https://8.8.8.8/" + "x" * 2000}, [("/url", "max_length")]),
        ({**BODY, "events": []}, [("/events", "empty")]),
        ({**BODY, "events": ["delivery.sent", "ping"]}, [("/events/1", "invalid_choice")]),
        ({**BODY, "colour": "red"}, [("/colour", "unknown_field")]),
        ({**BODY, "enabled": False}, [("/enabled", "unknown_field")]),
    ],
)
def test_what_cannot_be_is_refused_at_its_place(
    shop: APIClient, body: dict[str, Any], fault: list[tuple[str, str]]
) -> None:
    assert faults(shop.post(URL, body)) == fault
    assert CallbackEndpoint.objects.count() == 0


def test_why_a_url_is_unsafe_is_said(shop: APIClient) -> None:
    answer = shop.post(URL, {**BODY, "url": "https://127.0.0.1/"})
    (error,) = answer.json()["errors"]
    assert error["detail"] == "The host is not on the public internet."
    made = shop.post(URL, BODY).json()
    assert faults(shop.patch(f"{URL}/{made['id']}", {"url": "https://10.0.0.1/"})) == [
        ("/url", "unsafe_url")
    ]


def test_it_can_be_changed_and_deleted(shop: APIClient) -> None:
    one = f"{URL}/{shop.post(URL, BODY).json()['id']}"

    changed = shop.patch(
        one,
        {"url": "https://8.8.4.4/", "events": ["delivery.read"], "enabled": False},
    ).json()
    assert (changed["url"], changed["events"]) == ("https://8.8.4.4/", ["delivery.read"])
    assert (changed["enabled"], changed["disabled_reason"]) == (False, "switched_off")
    assert changed["disabled_at"] is not None

    again = shop.patch(one, {"enabled": True}).json()
    assert (again["enabled"], again["disabled_reason"], again["disabled_at"]) == (True, None, None)

    assert shop.delete(one).status_code == 204
    assert shop.get(one).status_code == 404
    acts = AuditEntry.objects.filter(action__startswith="callback_endpoint").order_by("id")
    assert [act.action.partition(".")[2] for act in acts] == [
        "created", "changed", "changed", "deleted",
    ]  # fmt: skip


def test_a_service_sees_its_own_and_a_test_key_those_of_test_keys(
    shop: APIClient, shop_service: Any, caller: Any
) -> None:
    one = f"{URL}/{shop.post(URL, BODY).json()['id']}"
    others = [caller(make_service("other")), caller(shop_service, mode=Mode.TEST)]
    for client in others:
        assert client.get(URL).json()["results"] == []
        for answer in (
            client.get(one), client.patch(one, {}), client.delete(one),
            client.post(f"{one}/rotate"), client.post(f"{one}/test"),
        ):  # fmt: skip
            assert answer.status_code == 404
    assert others[1].post(URL, BODY).json()["mode"] == "test"
    assert len(shop.get(URL).json()["results"]) == 1


@pytest.mark.parametrize(
    ("scope", "may"),
    [("callbacks:read", {"get"}), ("callbacks:write", {"post", "patch", "delete"})],
)
def test_a_key_needs_the_scope(
    shop: APIClient, shop_service: Any, caller: Any, scope: str, may: set[str]
) -> None:
    one = f"{URL}/{shop.post(URL, BODY).json()['id']}"
    client = caller(shop_service, scopes=[scope])
    tried = {
        "get": client.get(one), "patch": client.patch(one, {}),
        "post": client.post(f"{one}/test"), "delete": client.delete(one),
    }  # fmt: skip
    assert {name for name, answer in tried.items() if answer.status_code != 403} == may


@pytest.mark.parametrize("id_", ["x", "0", "9" * 30, "²"])
def test_what_is_no_id_is_not_there(shop: APIClient, id_: str) -> None:
    assert shop.get(f"{URL}/{id_}").status_code == 404


def test_there_is_an_end_to_how_many(shop: APIClient, shop_service: Any, caller: Any) -> None:
    made = [shop.post(URL, BODY).status_code for _ in range(endpoints.MOST)]
    assert set(made) == {201}

    answer = shop.post(URL, BODY)
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_callbacks")
    assert caller(shop_service, mode=Mode.TEST).post(URL, BODY).status_code == 201


def test_lists_go_by_pages(shop: APIClient) -> None:
    made = [shop.post(URL, BODY).json()["id"] for _ in range(3)]
    first = shop.get(f"{URL}?limit=2").json()
    second = shop.get(first["next"]).json()
    assert [row["id"] for row in first["results"] + second["results"]] == made[::-1]


def test_a_new_secret_signs_beside_the_old_one_for_a_day(
    shop: APIClient, endpoint: Any, receiver: WebhookReceiver, run: Run
) -> None:
    old = endpoint(shop)
    one = f"{URL}/{old['id']}"

    rotated = shop.post(f"{one}/rotate")
    new = rotated.json()
    assert (rotated.status_code, new["secret"] != old["secret"]) == (200, True)
    assert new["old_secret_until"] is not None

    def proves() -> list[bool]:
        """Whether the old and the new secret prove a ping."""
        shop.post(f"{one}/test")
        run()
        proofs = []
        for secret in (old["secret"], new["secret"]):
            receiver.secrets = [secret]
            proofs.append(receiver.verified(receiver.taken[-1]) is not None)
        return proofs

    assert proves() == [True, True]
    let_time_pass(timedelta(hours=24, minutes=1))
    assert proves() == [False, True]


def test_a_ping_is_posted_and_signed(
    shop: APIClient, endpoint: Any, receiver: WebhookReceiver, run: Run
) -> None:
    made = endpoint(shop)
    answer = shop.post(f"{URL}/{made['id']}/test")
    run()

    (got,) = receiver.received
    assert answer.status_code == 202
    assert answer.json() == {"delivery_id": got.id}
    assert (got.payload["type"], got.payload["data"]) == ("ping", {})
    assert callbacks().get().state == State.DELIVERED


def test_one_that_is_deleted_is_told_nothing_any_more(
    shop: APIClient, endpoint: Any, receiver: WebhookReceiver, run: Run
) -> None:
    made = endpoint(shop)
    receiver.on_call(Reply(500))
    shop.post(f"{URL}/{made['id']}/test")
    run()
    shop.delete(f"{URL}/{made['id']}")
    let_time_pass(timedelta(minutes=1))
    run()

    assert len(receiver.taken) == 1
    assert callbacks().get().state == State.CANCELLED


def test_its_key_moves_to_a_new_master_key(shop: APIClient, settings: Any) -> None:
    secret = shop.post(URL, BODY).json()["secret"]
    new = "t2:ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="
    settings.FIELD_ENCRYPTION_KEYS = [new, *settings.FIELD_ENCRYPTION_KEYS]
    call_command("rotate_keys")
    settings.FIELD_ENCRYPTION_KEYS = [new]
    row = CallbackEndpoint.objects.get()
    assert secrets.read(bytes(row.data_key), bytes(row.secret), None) == (secret,)
