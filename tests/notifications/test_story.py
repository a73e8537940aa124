"""The timeline of one notification, in plain words."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from delivery import feedback
from delivery.contracts import Report
from delivery.inbox import items
from delivery.inbox.items import Mark
from delivery.lifecycle import EventKind, OutcomeKind, Reason, State
from delivery.models import Delivery, InboxItem
from notifications import pump, reasons, story
from notifications.services import keys
from notifications.words import Mode
from notifysite.plumbing import ids
from tests.factories import make_category, make_service, make_type
from tests.fakes.scripted import Ledger
from tests.notifications.conftest import client_for

pytestmark = pytest.mark.django_db
Run = Callable[[], int]
OPERATOR = ["deliveries:replay", "read:all"]


@pytest.fixture
def shop(db: None) -> APIClient:
    return client_for(Mode.LIVE, make_service("shop", name="Shop"))


def send(api: APIClient, kind: str, to: Any = None, **body: Any) -> UUID:
    to = to or {"user_id": "ann", "email": "ann@example.com"}
    answer = api.post("/api/v1/notifications", {"type": kind, "to": to, **body})
    assert answer.status_code == 202, answer.content
    return UUID(answer.json()["notifications"][0]["id"])


def told(id_: UUID) -> list[tuple[str, str]]:
    """Kind and text of each entry, without how long things took."""
    return [
        (entry.kind, re.sub(r"after \d+ ms", "after _ ms", entry.text)) for entry in story.tell(id_)
    ]


def test_a_story_goes_from_the_request_to_the_end(
    shop: APIClient, provider: Ledger, run: Run
) -> None:
    make_type("order_shipped")
    id_ = send(shop, "order_shipped")
    run()
    row = Delivery.objects.get(channel=5)
    feedback.engage([(row.id, row.notification_id, row.recipient_id)], EventKind.SEEN)

    entries = story.tell(id_)

    assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)
    assert sorted(told(id_)) == sorted(
        [
            (
                "accepted",
                "Shop asked with a live key to send 'order_shipped' with normal priority.",
            ),
            ("decided", "Step 1, Email: send it. Decided by the default of the category."),
            ("decided", "Step 2, In-app: send it. Decided by the default of the category."),
            ("queued", "Email: queued."),
            ("queued", "In-app: queued."),
            ("attempt", "Email: try 1 with scripted: accepted (accepted), after _ ms."),
            ("sent", "Email: handed over to scripted."),
            ("attempt", "In-app: try 1 with inbox: delivered, after _ ms."),
            ("sent", "In-app: handed over to inbox."),
            ("delivered", "In-app: arrived."),
            ("seen", "In-app: seen by the person."),
            ("done", "All done."),
        ]
    )
    email = [entry.kind for entry in entries if entry.ids.get("channel") == "email"]
    assert email == ["decided", "queued", "attempt", "sent"]


def test_what_did_not_come_says_why(shop: APIClient, provider: Ledger, run: Run) -> None:
    category = make_category(default_channels=[1])
    make_type("reminder", category=category)
    id_ = send(shop, "reminder", to="bo")
    run()

    decided = [text for kind, text in told(id_) if kind == "decided"]
    assert decided == [
        "Step 1, Email: skip it, because no address of the person is known for this channel."
        " Decided by the person's settings.",
        "Step 2, In-app: skip it, because the person is not subscribed to the topic, or the"
        " category does not use this channel unless they ask for it."
        " Decided by the default of the category.",
    ]


def test_what_waits_says_until_when(shop: APIClient, provider: Ledger, run: Run) -> None:
    make_type("nudge", steps=[{"channel": "in_app"}, {"channel": "email", "wait_seconds": 3600}])
    id_ = send(shop, "nudge")
    run()

    (held,) = [entry for entry in story.tell(id_) if entry.ids.get("outcome") == "hold"]
    assert re.fullmatch(
        r"Step 2, Email: hold it until \d{4}-\d\d-\d\d \d\d:\d\d UTC\."
        r" Decided by the step of the type\.",
        held.text,
    )
    assert told(id_)[-1][0] != "done"


def test_tries_news_and_the_end_are_told(shop: APIClient, provider: Ledger, run: Run) -> None:
    make_type("mail", steps=[{"channel": "email"}])
    id_ = send(shop, "mail")
    run()
    row = Delivery.objects.get()
    reports = [
        # By a clock that is behind ours, and in the order in which such things really come.
        Report(kind=kind, at=row.created_at, reference=row.id, code=code, machine=machine)
        for kind, code, machine in (
            (EventKind.COMPLAINT, "abuse", False),
            (EventKind.OPENED, "", True),
            (EventKind.DELIVERED, "250", False),
            (EventKind.DEFERRED, "4.2.1", False),
        )
    ]

    feedback.report("scripted", reports)

    assert told(id_)[3] == (
        "attempt",
        "Email: try 1 with scripted: accepted (accepted), after _ ms.",
    )
    assert sorted(told(id_)[4:]) == sorted(
        [
            ("sent", "Email: handed over to scripted."),
            ("event", "Email: scripted says the person reported it as spam (abuse)."),
            ("event", "Email: scripted saw it opened. This was a machine."),
            ("event", "Email: scripted delivered it (250)."),
            ("event", "Email: scripted is still trying (4.2.1)."),
            ("delivered", "Email: arrived."),
            ("machine_opened", "Email: opened by a machine, such as a mail scanner."),
            ("complained", "Email: was reported as spam."),
            ("done", "All done."),
        ]
    )


def test_what_a_provider_says_comes_after_the_hand_over_and_before_what_follows_from_it(
    shop: APIClient, provider: Ledger, run: Run
) -> None:
    make_type("mail", steps=[{"channel": "email"}])
    id_ = send(shop, "mail")
    run()
    row = Delivery.objects.get()

    early = {"at": row.created_at, "reference": row.id}
    feedback.report("scripted", [Report(kind=EventKind.DELIVERED, **early)])

    assert [kind for kind, _ in told(id_)][3:] == ["attempt", "sent", "event", "delivered", "done"]


def test_a_dead_address_is_told(shop: APIClient, provider: Ledger, run: Run) -> None:
    make_type("mail", steps=[{"channel": "email"}])
    id_ = send(shop, "mail")
    run()
    row = Delivery.objects.get()
    later = {"at": datetime.now(UTC), "reference": row.id, "code": "5.1.1"}

    feedback.report("scripted", [Report(kind=EventKind.HARD_BOUNCE, **later)])

    assert told(id_)[5:] == [
        ("event", "Email: scripted says the address does not exist (5.1.1)."),
        ("bounced", "Email: came back, because the address does not exist any more."),
        ("done", "All done."),
    ]


def test_a_replay_and_a_cancellation_are_part_of_the_story(
    shop: APIClient, provider: Ledger, run: Run
) -> None:
    make_type("mail", steps=[{"channel": "email"}])
    cancelled, lost = send(shop, "mail"), send(shop, "mail")
    shop.post(f"/api/v1/notifications/{cancelled}/cancel")
    provider.script = [OutcomeKind.TRANSIENT]
    run()
    Delivery.objects.update(state=State.DEAD, reason=Reason.RETRIES_EXHAUSTED)
    assert told(lost)[-1] == ("dead", "Email: was given up, because every retry failed.")

    operator = keys.issue(make_service(), mode=Mode.LIVE, name="ops", scopes=OPERATOR)
    shop.credentials(HTTP_AUTHORIZATION=f"Bearer {operator.secret}")
    shop.post(f"/api/v1/deliveries/{Delivery.objects.get().id}/replay")
    run()

    assert told(cancelled)[-1] == ("cancelled", "Cancelled on request.")
    assert [kind for kind, _ in told(lost)] == [
        "accepted", "decided", "queued", "attempt", "replayed", "attempt", "sent", "done",
    ]  # fmt: skip


def test_a_story_that_does_not_exist_is_empty() -> None:
    assert story.tell(ids.uuid7()) == []


def test_a_long_story_costs_as_many_queries_as_a_short_one(
    shop: APIClient, provider: Ledger, run: Run
) -> None:
    make_type("short", steps=[{"channel": "in_app"}])
    steps = [
        {"channel": "email"},
        {"channel": "in_app"},
        {"channel": "email"},
        {"channel": "email"},
    ]
    make_type("long", steps=steps)
    short, long = send(shop, "short"), send(shop, "long")
    run()

    def cost(id_: UUID) -> int:
        with CaptureQueriesContext(connection) as queries:
            story.tell(id_)
        return len(queries)

    assert (cost(short), cost(long)) == (7, 7)


def test_every_code_has_plain_words() -> None:
    assert set(reasons.REASONS) == set(Reason)
    assert set(reasons.STATES) == set(State)
    assert set(reasons.EVENTS) == set(EventKind)
    assert set(reasons.OUTCOMES) == set(OutcomeKind)


def test_the_api_tells_the_same_story(shop: APIClient, provider: Ledger, run: Run) -> None:
    make_type("mail", steps=[{"channel": "email"}])
    id_ = send(shop, "mail")
    run()

    results = shop.get(f"/api/v1/notifications/{id_}/timeline").json()["results"]

    assert [(row["kind"], row["text"]) for row in results] == [
        (entry.kind, entry.text) for entry in story.tell(id_)
    ]
    assert all(row["at"].endswith("Z") for row in results)


def test_what_the_person_did_with_an_action_is_told(
    shop: APIClient, provider: Ledger, run: Run
) -> None:
    action = {"label": "Approve", "url": "https://hr.test/1"}
    words = {"in_app": {"title": "A day off?", "body": "b", "actions": [action, action]}}
    make_type("day_off", steps=[{"channel": "in_app"}], words=words)
    id_ = send(shop, "day_off")
    run()
    row = Delivery.objects.get()
    items.act(row.recipient_id, row.id, 1)
    run()

    entries = shop.get(f"/api/v1/notifications/{id_}/timeline").json()["results"]

    (acted,) = [entry for entry in entries if entry.get("event") == "acted"]
    assert acted["text"] == "In-app: the person marked action 2 as done."
    assert (acted["action"], acted["by"]) == (1, "recipient")
    assert [entry["kind"] for entry in entries].count("read") == 1


def test_the_pump_brings_snoozed_items_back(shop: APIClient, provider: Ledger, run: Run) -> None:
    make_type("order_shipped")
    send(shop, "order_shipped")
    run()
    item = InboxItem.objects.get()
    items.mark(item.recipient_id, Mark.SNOOZE, [item.id], until=datetime(2020, 1, 1, tzinfo=UTC))

    pump.tick()

    item.refresh_from_db()
    assert (item.snoozed_until, item.seq) == (None, 3)
