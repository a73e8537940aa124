"""An SMS from the API to a provider that speaks its documented protocol, and back by its hook."""

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from rest_framework.test import APIClient

from delivery import registry, routing
from delivery.lifecycle import Reason, State
from delivery.models import Delivery, Event, Suppression
from delivery.models.suppression import SuppressionReason
from notifications.models import Decision, Notification
from notifysite.settings import offers
from tests.factories import make_category, make_type
from tests.fakes.sns_sms import SnsApi
from tests.notifications.sms import SIDES, Posted, Side

pytestmark = pytest.mark.django_db
Run = Callable[[], int]
PHONE = "+491701234567"
ANN = {"user_id": "ann", "phone": PHONE}


@pytest.fixture(params=SIDES, ids=lambda side: side.alias)
def side(request: pytest.FixtureRequest, settings: Any) -> Iterator[Side]:
    """The provider behind SMS, and the other side of it."""
    with request.param() as made:
        settings.PUBLIC_URL = "https://notify.example.com"
        settings.OUTBOUND_ALLOWED_ORIGINS = [made.service.origin]
        entry = {"BACKEND": made.backend, "CHANNELS": ["sms"], "OPTIONS": made.options()}
        settings.DELIVERY_PROVIDERS = {**settings.DELIVERY_PROVIDERS, made.alias: entry}
        settings.DELIVERY_ROUTES = {**settings.DELIVERY_ROUTES, "sms": [made.alias]}
        routing.forget()
        yield made
        registry.reset()
        routing.forget()


@pytest.fixture
def code_sent(db: None) -> None:
    make_type(
        "code_sent",
        category=make_category("codes", default_channels=[2], mandatory=True),
        steps=[{"channel": "sms"}],
        words={"sms": {"text": "Your code is {{ data.code }}"}},
    )


def send(api: APIClient, run: Run) -> Delivery | None:
    """Ask for one, work until nothing is due; what became of it."""
    body = {"type": "code_sent", "to": ANN, "data": {"code": "4711"}}
    answer = api.post("/api/v1/notifications", body, format="json")
    assert answer.status_code == 202, answer.content
    run()
    return Delivery.objects.filter(notification_id=answer.json()["notifications"][0]["id"]).first()


def post(side: Side, posted: Posted) -> HttpResponse:
    return Client().generic(
        "POST",
        f"/hooks/{side.alias}/" + (f"?{posted.query}" if posted.query else ""),
        posted.body,
        posted.content_type,
        headers=dict(posted.headers),
    )


def write(side: Side, text: str, key: str) -> None:
    assert post(side, side.wrote(PHONE, text, key)).status_code == 200


def decided() -> tuple[str, str | None, str]:
    """What the newest notification's step came to, why, and whose word that was."""
    newest = Notification.objects.order_by("-created_at", "-id")[0]
    (step,) = Decision.objects.get(id=newest.decision_id).body
    return step["outcome"], step["reason"], step["source"]


def test_a_message_is_sent_and_its_receipts_tell_that_it_arrived(
    api: APIClient, run: Run, side: Side, code_sent: None
) -> None:
    row = send(api, run)
    assert row is not None
    assert (row.state, row.provider) == (State.SENT, side.alias)
    assert side.texts() == [(PHONE, "Your code is 4711")]

    receipts = [side.receipt(one, row.id) for one in ("sent", "delivered")] * 2
    random.Random(3).shuffle(receipts)
    assert {post(side, one).status_code for one in receipts} == {200}
    assert post(side, side.forged(row.id)).status_code == 403

    row.refresh_from_db()
    assert (row.state, Event.objects.count()) == (State.DELIVERED, 2)
    told = api.get(f"/api/v1/notifications/{row.notification_id}/timeline").json()["results"]
    assert {"attempt", "sent", "event", "delivered"} <= {entry["kind"] for entry in told}
    assert f"SMS: {side.alias} delivered it ({side.word})." in [entry["text"] for entry in told]


def test_a_receipt_may_come_before_we_noted_whose_it_is(
    api: APIClient, run: Run, side: Side, code_sent: None
) -> None:
    row = send(api, run)
    assert row is not None
    Delivery.objects.update(state=State.SENDING, sent_at=None)  # the settle is still to come

    assert post(side, side.receipt("delivered", row.id)).status_code == 200

    row.refresh_from_db()
    assert row.state == State.DELIVERED


def test_a_stop_beats_even_a_mandatory_category_until_a_start(
    api: APIClient, run: Run, side: Side, code_sent: None
) -> None:
    assert send(api, run) is not None
    write(side, "Stop!", "word-1")

    assert send(api, run) is None
    assert decided() == ("skip", "suppressed", "stop")
    body = {"type": "code_sent", "to": "ann", "data": {"code": "1"}}
    (told,) = api.post("/api/v1/explain", body, format="json").json()["recipients"]
    gate = next(one for one in told["steps"][0]["gates"] if one["outcome"] == "skip")
    assert (gate["reason"], gate["source"]) == ("suppressed", "stop")
    wishes = api.get("/api/v1/users/ann/preferences").json()
    assert wishes["categories"]["codes"]["channels"]["sms"] | {"updated_at": None} == {
        "enabled": False, "source": "stop", "updated_at": None,
    }  # fmt: skip

    write(side, "START", "word-2")
    assert send(api, run) is not None
    assert len(side.texts()) == 2


def test_a_stop_holds_back_what_was_asked_for_before_it(
    api: APIClient, run: Run, side: Side, code_sent: None
) -> None:
    body = {"type": "code_sent", "to": ANN, "data": {"code": "4711"}}
    api.post("/api/v1/notifications", body, format="json")
    write(side, "STOP", "word-1")
    run()

    assert side.texts() == []
    assert decided() == ("skip", "suppressed", "stop")


def test_who_opted_out_with_the_provider_is_not_tried_again(
    api: APIClient, run: Run, side: Side, code_sent: None
) -> None:
    side.opted_out(PHONE)

    row = send(api, run)

    assert row is not None
    assert (row.state, row.reason) == (State.FAILED, Reason.SUPPRESSED)
    kept = Suppression.objects.get()
    assert (kept.reason, kept.source) == (SuppressionReason.STOP, f"provider:{side.alias}")
    assert send(api, run) is None
    assert decided() == ("skip", "suppressed", "stop")


def test_amazon_sns_takes_a_message_and_says_no_more_of_it(
    api: APIClient, run: Run, settings: Any, code_sent: None
) -> None:
    with SnsApi() as service:
        settings.OUTBOUND_ALLOWED_ORIGINS = [service.origin]
        found = offers.take(offers.OFFERS, lambda name: service.environment().get(name, ""))
        settings.DELIVERY_PROVIDERS = {**settings.DELIVERY_PROVIDERS, **found.providers}
        settings.DELIVERY_ROUTES = {**settings.DELIVERY_ROUTES, "sms": ["sns"]}
        routing.forget()
        row = send(api, run)
        service.opted_out.add(PHONE)
        refused = send(api, run)
    registry.reset()
    routing.forget()

    assert row is not None
    assert refused is not None
    assert [(kept.number, kept.text) for kept in service.kept] == [(PHONE, "Your code is 4711")]
    assert (row.state, row.provider) == (State.SENT, "sns")
    assert (refused.state, refused.reason) == (State.FAILED, Reason.SUPPRESSED)
    assert Suppression.objects.get().reason == SuppressionReason.STOP
    told = api.get(f"/api/v1/notifications/{row.notification_id}").json()
    assert (told["status"], told["deliveries"][0]["status"]) == ("done", "sent")
