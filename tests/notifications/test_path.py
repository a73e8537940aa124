"""From the API to the provider and back: one notification, all the way."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from delivery import feedback, routing
from delivery.contracts import Parcel
from delivery.lifecycle import EventKind, OutcomeKind, Reason, State
from delivery.models import Delivery, InboxItem
from notifications.models import Decision, Guest, Notification, Render
from notifications.planning import plan, seal
from notifications.planning.wording import VARIABLES
from notifications.words import Lane, Mode, Status
from preferences.keys import data_keys
from preferences.models import Address, Choice, Recipient
from tests.factories import make_category, make_recipient, make_service, make_type
from tests.fakes.scripted import Ledger
from tests.notifications.conftest import client_for

pytestmark = pytest.mark.django_db
URL = "/api/v1/notifications"
Run = Callable[[], int]


def send(api: APIClient, **body: Any) -> Any:
    return api.post(URL, {"type": "order_shipped", **body}, format="json")


def let_time_pass(seconds: float) -> None:
    """Move everything that waits nearer by so many seconds."""
    with connection.cursor() as cursor:
        for column in ("due_at", "created_at", "send_at", "expires_at"):
            cursor.execute(
                f"UPDATE notification SET {column} = {column} - %s * interval '1 second'",
                [seconds],
            )
        cursor.execute("UPDATE delivery SET due_at = due_at - %s * interval '1 second'", [seconds])


@pytest.fixture
def order_shipped(db: None) -> Any:
    return make_type(
        "order_shipped",
        category=make_category("orders"),
        data_schema={
            "type": "object",
            "properties": {"number": {"type": "string"}},
            "required": ["number"],
        },
        words={
            "email": {
                "subject": "Order {{ data.number }} is on its way",
                "body": "<p>Hello {{ recipient.name | default: 'there' }}</p>",
            },
            "in_app": {"title": "Order {{ data.number }} shipped", "body": "Soon with you"},
        },
    )


ANN = {"user_id": "ann", "email": "ann@example.com", "name": "Ann"}
DATA = {"number": "A-17"}


def test_one_request_becomes_a_mail_and_an_inbox_item(
    api: APIClient, provider: Ledger, order_shipped: Any, run: Run
) -> None:
    answer = send(api, to=ANN, data=DATA)
    assert answer.status_code == 202, answer.content
    run()

    (message,) = provider.taken
    assert message.address == "ann@example.com"
    assert message.content.subject == "Order A-17 is on its way"
    assert "Hello Ann" in message.content.html
    assert "Hello Ann" in message.content.text
    assert message.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert InboxItem.objects.count() == 1
    states = dict(Delivery.objects.values_list("channel", "state"))
    assert states == {1: State.SENT, 5: State.DELIVERED}
    notification = Notification.objects.get()
    assert str(notification.id) == answer.json()["notifications"][0]["id"]
    assert notification.status == Status.DONE


def test_the_answer_names_each_recipient_in_order(
    api: APIClient, provider: Ledger, order_shipped: Any
) -> None:
    answer = send(api, to=["bo", ANN, "cy"], data=DATA).json()

    assert [row["user_id"] for row in answer["notifications"]] == ["bo", "ann", "cy"]
    for row in answer["notifications"]:
        assert row["url"] == f"{URL}/{row['id']}"


def test_someone_without_an_address_is_skipped_and_it_says_why(
    api: APIClient, provider: Ledger, order_shipped: Any, run: Run
) -> None:
    send(api, to="nobody-knows", data=DATA)
    run()

    body = Decision.objects.get().body
    assert [(s["channel"], s["outcome"], s["reason"]) for s in body] == [
        ("email", "skip", "no_address"),
        ("in_app", "send", None),
    ]


def test_equal_decisions_are_stored_once(
    api: APIClient, provider: Ledger, order_shipped: Any, run: Run
) -> None:
    people = [{"user_id": f"u{n}", "email": f"u{n}@example.com"} for n in range(5)]
    send(api, to=people, data=DATA)
    run()

    assert Decision.objects.count() == 1
    assert set(Notification.objects.values_list("decision_id", flat=True)) == {
        Decision.objects.get().id
    }


def test_each_recipient_reads_their_own_data(
    api: APIClient, provider: Ledger, order_shipped: Any, run: Run
) -> None:
    send(
        api,
        to=[{**ANN, "data": {"number": "B-2"}}, {"user_id": "bo", "email": "bo@example.com"}],
        data=DATA,
    )
    run()

    assert {m.address: m.content.subject for m in provider.taken} == {
        "ann@example.com": "Order B-2 is on its way",
        "bo@example.com": "Order A-17 is on its way",
    }


def test_an_opt_out_after_planning_is_obeyed(
    api: APIClient, provider: Ledger, order_shipped: Any, run: Run
) -> None:
    """Committed before the mark: the last look sees it."""
    send(api, to=ANN, data=DATA)

    plan.plan_due(Lane.DEFAULT)
    ann = Recipient.objects.get(user_id="ann")
    Choice.objects.create(recipient=ann, channel=1, enabled=False, source="person")
    Recipient.objects.filter(id=ann.id).update(changed_at=datetime.now(UTC))
    run()

    assert provider.taken == []
    assert Delivery.objects.get(channel=1).state == State.CANCELLED
    assert Delivery.objects.get(channel=5).state == State.DELIVERED


def test_a_new_address_takes_what_was_queued_for_the_old_one(
    api: APIClient, provider: Ledger, order_shipped: Any, run: Run
) -> None:
    send(api, to=ANN, data=DATA)
    plan.plan_due(Lane.DEFAULT)
    make_recipient("ann", email="ann@new.example.com")
    run()

    assert [message.address for message in provider.taken] == ["ann@new.example.com"]


def test_a_send_for_later_waits(
    api: APIClient, provider: Ledger, order_shipped: Any, run: Run
) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    send(api, to=ANN, data=DATA, send_at=later.isoformat())
    run()
    assert provider.taken == []

    let_time_pass(3601)
    run()
    assert len(provider.taken) == 1


def test_what_expires_while_it_waits_is_not_sent(
    api: APIClient, provider: Ledger, order_shipped: Any, run: Run
) -> None:
    provider.script = [OutcomeKind.TRANSIENT]
    expiry = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    send(api, to=ANN, data=DATA, expires_at=expiry, channels=["email"])
    run()

    let_time_pass(7200)
    run()

    assert provider.taken == []
    assert Delivery.objects.get().state == State.EXPIRED


@pytest.fixture
def escalating(db: None) -> Any:
    return make_type(
        "order_shipped",
        steps=[
            {"channel": "in_app"},
            {"channel": "email", "wait_seconds": 120, "condition": 2},
        ],
    )


def test_an_unseen_message_escalates_when_its_time_has_come(
    api: APIClient, provider: Ledger, escalating: Any, run: Run
) -> None:
    send(api, to=ANN)
    run()
    assert (len(provider.taken), Notification.objects.get().status) == (0, Status.PLANNED)

    let_time_pass(121)
    run()
    assert len(provider.taken) == 1
    assert Notification.objects.get().status == Status.DONE


def test_a_seen_message_does_not_escalate(
    api: APIClient, provider: Ledger, escalating: Any, run: Run
) -> None:
    send(api, to=ANN)
    run()
    item = Delivery.objects.get()
    feedback.engage([(item.id, item.notification_id, item.recipient_id)], EventKind.SEEN)
    run()

    assert Notification.objects.get().status == Status.DONE
    let_time_pass(121)
    run()
    assert provider.taken == []
    decided = Decision.objects.get(id=Notification.objects.get().decision_id).body
    assert decided[1]["reason"] == "already_seen"


def test_a_failed_step_falls_back_to_the_next(api: APIClient, provider: Ledger, run: Run) -> None:
    make_type(
        "order_shipped",
        category=make_category(default_channels=[1, 2]),
        steps=[{"channel": "email"}, {"channel": "sms", "condition": 3}],
    )
    provider.script = [OutcomeKind.REFUSED_ADDRESS]
    send(api, to={**ANN, "phone": "+493012345678"})
    run()

    assert [message.channel for message in provider.taken] == [2]
    states = dict(Delivery.objects.values_list("channel", "state"))
    assert states == {1: State.FAILED, 2: State.SENT}
    assert Notification.objects.get().status == Status.DONE


def test_an_sms_that_takes_too_many_segments_never_leaves(
    api: APIClient, provider: Ledger, run: Run
) -> None:
    make_type(
        "order_shipped",
        category=make_category(default_channels=[2]),
        steps=[{"channel": "sms"}],
        words={"sms": {"text": "{{ data.long }}"}},
    )
    send(api, to={**ANN, "phone": "+493012345678"}, data={"long": "a" * 1531})
    run()

    assert provider.taken == []
    row = Delivery.objects.get()
    assert (row.state, row.reason) == (State.FAILED, Reason.TOO_LARGE)


def test_a_step_that_went_out_needs_no_fallback(api: APIClient, provider: Ledger, run: Run) -> None:
    make_type(
        "order_shipped",
        category=make_category(default_channels=[1, 2]),
        steps=[{"channel": "email"}, {"channel": "sms", "condition": 3}],
    )
    send(api, to={**ANN, "phone": "+493012345678"})
    run()

    assert [message.channel for message in provider.taken] == [1]
    assert Notification.objects.get().status == Status.DONE


def test_a_test_key_reaches_no_provider_and_no_inbox(
    provider: Ledger, order_shipped: Any, run: Run
) -> None:
    make_recipient("ann", email="ann@real.example.com")
    send(client_for(Mode.TEST), to=ANN, data=DATA)
    run()

    assert provider.taken == []
    assert InboxItem.objects.count() == 0
    assert set(Delivery.objects.values_list("state", "provider")) == {(State.DELIVERED, "test")}

    assert Address.objects.filter(retired_at=None).count() == 1  # and it was not changed


def test_a_team_key_reaches_guests_only(provider: Ledger, order_shipped: Any, run: Run) -> None:

    service = make_service()
    Guest.objects.create(service=service, user_id="ann")
    send(
        client_for(Mode.TEAM, service),
        to=[ANN, {"user_id": "bo", "email": "bo@example.com"}],
        data=DATA,
    )
    run()

    assert [message.address for message in provider.taken] == ["ann@example.com"]


def test_what_a_render_used_is_kept_and_secrets_are_not(
    api: APIClient, provider: Ledger, run: Run
) -> None:

    make_type(
        "order_shipped",
        steps=[{"channel": "email"}],
        data_schema={
            "type": "object",
            "properties": {"code": {"type": "string", "x-sensitive": True}},
        },
        words={"email": {"subject": "Your code", "body": "<p>{{ data.code }}</p>"}},
    )
    send(api, to=ANN, data={"code": "483920"})
    run()

    assert "483920" in provider.taken[0].content.html
    row = Render.objects.get()
    assert row.id == provider.taken[0].reference
    recipient = Delivery.objects.get().recipient_id
    key = data_keys([recipient])[recipient]
    kept = json.loads(key.decrypt(bytes(row.variables), context=VARIABLES))
    assert kept["recipient"]["name"] == "Ann"
    assert "483920" not in json.dumps(kept)


def test_one_message_that_cannot_be_rendered_does_not_stop_the_others(
    api: APIClient, provider: Ledger, run: Run
) -> None:
    make_type(
        "order_shipped",
        steps=[{"channel": "email"}],
        words={
            "email": {
                "subject": "x",
                "body": "<p>{% if recipient.name == 'Bo' %}{{ recipient.attributes.lost }}"
                "{% endif %}</p>",
            }
        },
    )
    send(api, to=[{"user_id": "bo", "email": "bo@example.com", "name": "Bo"}, ANN])
    run()

    assert [message.address for message in provider.taken] == ["ann@example.com"]
    assert sorted(Delivery.objects.values_list("state", flat=True)) == [State.SENT, State.FAILED]


def test_data_that_cannot_be_decrypted_stops_only_its_own_message(
    api: APIClient, provider: Ledger, order_shipped: Any, run: Run
) -> None:
    send(api, to=[ANN, {"user_id": "bo", "email": "bo@example.com"}], data=DATA)
    Notification.objects.filter(recipient_id=Recipient.objects.get(user_id="bo").id).update(
        data=b"\x01" * 60
    )
    run()

    assert [message.address for message in provider.taken] == ["ann@example.com"]


@pytest.fixture
def routes_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Routes are read once a second: here, once."""
    monkeypatch.setattr(routing, "CACHE_SECONDS", 3600)
    routing.aliases(1, mode=1)


@pytest.mark.parametrize("people", [1, 20])
def test_planning_costs_a_fixed_number_of_queries(
    api: APIClient,
    provider: Ledger,
    order_shipped: Any,
    people: int,
    routes_read: None,
    django_assert_num_queries: Any,
) -> None:
    send(
        api,
        to=[{"user_id": f"u{n}", "email": f"u{n}@example.com"} for n in range(people)],
        data=DATA,
    )
    with django_assert_num_queries(4):
        plan.plan_due(Lane.DEFAULT)


@pytest.mark.parametrize("people", [1, 20])
def test_sealing_costs_a_fixed_number_of_queries(
    api: APIClient,
    provider: Ledger,
    order_shipped: Any,
    people: int,
    routes_read: None,
    django_assert_num_queries: Any,
) -> None:
    send(
        api,
        to=[{"user_id": f"u{n}", "email": f"u{n}@example.com"} for n in range(people)],
        data=DATA,
    )
    plan.plan_due(Lane.DEFAULT)
    parcels = [
        Parcel(
            id=d.id,
            notification_id=d.notification_id,
            recipient_id=d.recipient_id,
            address_id=d.address_id,
            channel=d.channel,
            step=d.step,
            mode=d.mode,
        )
        for d in Delivery.objects.all()
    ]
    seal.seal(parcels)  # compiled versions are kept from now on
    with django_assert_num_queries(2):
        assert len(seal.seal(parcels)) == 2 * people
