"""Endpoints that fail: tried again by the schedule, left to rest, disabled, and caught up."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from delivery.contracts import Message, Parcel, Wait
from delivery.lifecycle import Reason, State
from delivery.models import AuditEntry, Delivery
from notifications import replaying
from notifications.callbacks import health
from notifications.callbacks.seal import seal
from notifications.models import CallbackEndpoint, Service
from notifications.services.keyring import Caller
from notifications.words import Disabled, Mode, Status
from tests.factories import make_service
from tests.fakes.service import HANG, Reply
from tests.fakes.webhook_receiver import WebhookReceiver
from tests.notifications.callbacks.conftest import URL, callbacks, let_time_pass

pytestmark = pytest.mark.django_db
Run = Callable[[], int]

# docs/services.md promises these waits between tries; each is stretched by a tenth at most.
SCHEDULE = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]


def state() -> CallbackEndpoint:
    return CallbackEndpoint.objects.get()


def test_one_that_never_answers_well_is_tried_by_the_whole_schedule(
    shop: APIClient, endpoint: Any, send: Any, receiver: WebhookReceiver, run: Run
) -> None:
    endpoint(shop, "sent", url=receiver.at("/down", Reply(500)))
    send(shop)
    run()
    for wait in SCHEDULE:
        row = callbacks().get()
        assert row.state == State.QUEUED
        let_time_pass(timedelta(seconds=wait * 1.11))
        run()

    row = callbacks().get()
    assert (row.state, row.reason) == (State.DEAD, Reason.RETRIES_EXHAUSTED)
    assert (len(receiver.taken), row.attempts) == (10, 10)
    assert len({call.headers["webhook-id"] for call in receiver.taken}) == 1


def test_one_that_loses_its_answers_is_tried_by_the_whole_schedule_too(
    shop: APIClient, endpoint: Any, send: Any, receiver: WebhookReceiver, run: Run, settings: Any
) -> None:
    configured = settings.DELIVERY_PROVIDERS
    patient = {**configured["webhook"], "OPTIONS": {"timeout": 0.3}}
    settings.DELIVERY_PROVIDERS = {**configured, "webhook": patient}
    endpoint(shop, "sent")
    receiver.on_call(*[HANG] * 6)
    send(shop)
    run()
    for wait in SCHEDULE[:6]:
        assert callbacks().get().state == State.QUEUED
        let_time_pass(timedelta(seconds=wait * 1.11))
        run()

    assert callbacks().get().state == State.DELIVERED
    assert callbacks().get().unknowns == 6


def test_one_that_is_gone_is_disabled_at_once_and_the_service_sees_it(
    shop: APIClient, endpoint: Any, send: Any, receiver: WebhookReceiver, run: Run
) -> None:
    made = endpoint(shop, "sent")
    receiver.on_call(Reply(410))
    send(shop)
    run()

    shown = shop.get(f"{URL}/{made['id']}").json()
    assert (shown["enabled"], shown["disabled_reason"]) == (False, "gone")
    assert shown["disabled_at"] is not None
    assert AuditEntry.objects.filter(action="callback_endpoint.disabled").count() == 1

    send(shop)
    run()
    assert (len(receiver.taken), callbacks().count()) == (1, 1)


def test_one_that_failed_for_five_days_is_disabled_and_what_waits_is_given_up(
    shop: APIClient, endpoint: Any, send: Any, receiver: WebhookReceiver, run: Run
) -> None:
    made = endpoint(shop, "sent", url=receiver.at("/down", Reply(500)))
    send(shop)
    run()
    assert state().failing_since is not None
    let_time_pass(timedelta(hours=119))
    send(shop, "bo")
    run()
    assert state().enabled

    let_time_pass(timedelta(hours=2))
    send(shop, "cy")
    run()
    assert (state().enabled, state().disabled_reason) == (False, Disabled.FAILING)
    let_time_pass(timedelta(days=1))
    run()
    assert {row.state for row in callbacks()} == {State.DEAD}
    assert Reason.ENDPOINT_DISABLED in {row.reason for row in callbacks()}
    shown = shop.get(URL).json()["results"]
    assert [(row["id"], row["disabled_reason"]) for row in shown] == [(made["id"], "failing")]
    assert health.standings() == {"well": 0, "failing": 0, "disabled": 1}


def test_one_success_ends_the_failing(
    shop: APIClient, endpoint: Any, send: Any, receiver: WebhookReceiver, run: Run
) -> None:
    endpoint(shop, "sent")
    receiver.on_call(Reply(500))
    send(shop)
    run()
    assert state().failing_since is not None
    let_time_pass(timedelta(minutes=1))
    run()
    assert (state().failing_since, state().rests_until) == (None, None)
    assert callbacks().get().state == State.DELIVERED


def test_one_that_moved_to_another_url_begins_anew(
    shop: APIClient, endpoint: Any, send: Any, receiver: WebhookReceiver, run: Run
) -> None:
    made = endpoint(shop, "sent", url=receiver.at("/down", Reply(500)))
    send(shop)
    run()
    shop.patch(f"{URL}/{made['id']}", {"description": "the same place"})
    assert state().failing_since is not None

    shop.patch(f"{URL}/{made['id']}", {"url": f"{receiver.origin}/moved"})
    assert (state().failing_since, state().rests_until) == (None, None)
    let_time_pass(timedelta(minutes=1))
    run()
    assert [call.path for call in receiver.taken] == ["/down", "/moved"]
    assert callbacks().get().state == State.DELIVERED


def test_while_one_fails_the_others_of_it_wait_and_no_other_endpoint_does(
    shop: APIClient, endpoint: Any, send: Any, receiver: WebhookReceiver, run: Run
) -> None:
    down = endpoint(shop, "sent", url=receiver.at("/down", Reply(503)))
    endpoint(shop, "sent", url=f"{receiver.origin}/up")
    for number in range(5):
        send(shop, f"user-{number}")
    run()
    let_time_pass(timedelta(hours=2))
    before = len([call for call in receiver.taken if call.path == "/down"])
    run()

    after = [call for call in receiver.taken if call.path == "/down"]
    assert len(after) - before == 1  # one tries it, the others wait
    assert len([got for got in receiver.received if got.path == "/up"]) == 5
    failing = CallbackEndpoint.objects.get(pk=down["id"])
    assert failing.rests_until is not None


def test_of_several_who_work_at_once_one_tries_it(
    shop: APIClient, endpoint: Any, send: Any, receiver: WebhookReceiver, run: Run
) -> None:
    endpoint(shop, "sent", url=receiver.at("/down", Reply(503)))
    for user in ("ann", "bo"):
        send(shop, user)
    run()
    let_time_pass(timedelta(hours=2))
    waiting = [
        Parcel(row.id, row.notification_id, row.recipient_id, row.address_id, row.channel, 1, 1)
        for row in callbacks()
    ]

    answers = [seal([parcel])[parcel.id] for parcel in waiting]

    assert [type(answer) for answer in answers] == [Message, Wait]


def test_once_it_is_enabled_again_what_it_missed_can_be_replayed(
    shop: APIClient, endpoint: Any, send: Any, receiver: WebhookReceiver, run: Run
) -> None:
    made = endpoint(shop, "sent")
    receiver.on_call(Reply(500))
    send(shop)
    run()
    shop.patch(f"{URL}/{made['id']}", {"enabled": False})
    let_time_pass(timedelta(minutes=1))
    run()
    row = callbacks().get()
    assert (row.state, row.reason) == (State.DEAD, Reason.ENDPOINT_DISABLED)

    shop.patch(f"{URL}/{made['id']}", {"enabled": True})
    answer = shop.post(f"/api/v1/deliveries/{row.id}/replay")
    run()
    assert (answer.status_code, answer.json()["replayed"]) == (202, 1)
    assert callbacks().get().state == State.DELIVERED
    assert [got.id for got in receiver.received] == [str(row.id)]
    # The notification it tells of is not opened again by it.
    told = shop.get(
        f"/api/v1/notifications/{receiver.received[0].payload['data']['notification_id']}"
    )
    assert told.json()["status"] == Status.DONE.name.lower()


def test_nobody_else_replays_it_and_a_filter_finds_it(
    shop: APIClient, endpoint: Any, send: Any, receiver: WebhookReceiver, run: Run, caller: Any
) -> None:
    made = endpoint(shop, "sent")
    receiver.on_call(Reply(500))
    send(shop)
    run()
    shop.patch(f"{URL}/{made['id']}", {"enabled": False})
    let_time_pass(timedelta(minutes=1))
    run()
    row = Delivery.objects.get(state=State.DEAD)

    other = caller(make_service("other"))
    assert other.post(f"/api/v1/deliveries/{row.id}/replay").status_code == 404
    nothing = other.post("/api/v1/deliveries/replay", {"filter": {}}, format="json")
    assert nothing.json()["replayed"] == 0

    shop.patch(f"{URL}/{made['id']}", {"enabled": True})
    found = replaying.Filter(endpoint=int(made["id"]))
    everyone = Caller(
        service_id=0,
        service_key="",
        key_id=0,
        mode=Mode.LIVE,
        scopes=frozenset({"read:all"}),
    )
    assert replaying.count(found, caller=everyone) == 1
    assert replaying.count(replaying.Filter(endpoint=0), caller=everyone) == 0


def test_a_service_that_is_switched_off_is_told_nothing(
    shop: APIClient,
    shop_service: Any,
    endpoint: Any,
    send: Any,
    receiver: WebhookReceiver,
    run: Run,
) -> None:
    endpoint(shop, "sent")
    receiver.on_call(Reply(500))
    send(shop)
    run()
    Service.objects.filter(pk=shop_service.pk).update(active=False)
    let_time_pass(timedelta(minutes=1))
    run()

    assert len(receiver.taken) == 1
    assert Delivery.objects.get(state=State.DEAD).reason == Reason.ENDPOINT_DISABLED


def test_a_disabled_one_is_told_of_nothing_new_and_can_be_pinged(
    shop: APIClient, endpoint: Any, send: Any, receiver: WebhookReceiver, run: Run
) -> None:
    made = endpoint(shop, "sent")
    shop.patch(f"{URL}/{made['id']}", {"enabled": False})
    send(shop)
    run()
    assert callbacks().count() == 0

    shop.post(f"{URL}/{made['id']}/test")
    run()
    assert [got.payload["type"] for got in receiver.received] == ["ping"]
    assert not state().enabled


def test_a_secret_that_cannot_be_read_sinks_no_other(
    shop: APIClient, endpoint: Any, send: Any, receiver: WebhookReceiver, run: Run
) -> None:
    broken = endpoint(shop, "sent", url=f"{receiver.origin}/broken")
    endpoint(shop, "sent", url=f"{receiver.origin}/fine")
    CallbackEndpoint.objects.filter(pk=broken["id"]).update(secret=b"spoilt")
    send(shop)
    run()

    assert [got.path for got in receiver.received] == ["/fine"]
    assert Delivery.objects.get(state=State.FAILED).reason == Reason.RENDER_FAILED
