"""What is kept about a person can be had, and can be erased; secrets are not kept at all."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from delivery import feedback
from delivery.channels import EMAIL
from delivery.contracts import Report
from delivery.inbox import items
from delivery.inbox.items import Mark
from delivery.lifecycle import EventKind, OutcomeKind, Uncertain
from delivery.models import Delivery, Engagement, InboxItem
from notifications import housekeeping
from notifications.models import Guest, Notification, Render
from preferences import privacy
from preferences.models import Recipient
from tests.factories import make_service, make_type
from tests.fakes.scripted import Ledger

pytestmark = pytest.mark.django_db
Run = Callable[[], int]
ANN = {"user_id": "ann", "email": "ann@example.com", "name": "Ann Canary"}


def send(api: APIClient, **body: Any) -> None:
    answer = api.post("/api/v1/notifications", {"to": ANN, **body}, format="json")
    assert answer.status_code == 202, answer.content


def everything() -> str:
    """All rows of all tables, as text."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
            " AND relnamespace = current_schema()::regnamespace"
        )
        found = []
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT t::text FROM "{table}" AS t')
            found += [row for (row,) in cursor.fetchall()]
    return "\n".join(found)


def test_an_export_holds_what_was_sent_and_said(api: APIClient, provider: Ledger, run: Run) -> None:
    make_type("order_shipped")
    send(api, type="order_shipped", data={"number": "A-17"})
    run()
    ann = Recipient.objects.get(user_id="ann")

    parts = privacy.gather(ann.id, now=datetime.now(UTC))

    (entry,) = parts["notifications"]
    assert (entry["type"], entry["status"], entry["data"]) == (
        "order_shipped",
        "done",
        {"number": "A-17"},
    )
    assert {one["channel"]: one["status"] for one in entry["deliveries"]} == {
        "email": "sent",
        "in_app": "delivered",
    }
    assert entry["deliveries"][0]["used"]["recipient"]["name"] == "Ann Canary"


def test_an_export_holds_what_was_done_with_each_message(
    api: APIClient, provider: Ledger, run: Run
) -> None:
    make_type("order_shipped")
    send(api, type="order_shipped")
    run()
    item, mail = InboxItem.objects.get(), Delivery.objects.get(channel=EMAIL.number)
    ann, later = mail.recipient_id, datetime.now(UTC) + timedelta(hours=1)
    items.mark(ann, Mark.READ, [item.id])
    items.mark(ann, Mark.SNOOZE, [item.id], until=later)
    done = [(EventKind.OPENED, True), (EventKind.CLICKED, False)]
    feedback.report(
        "scripted",
        [Report(kind=k, machine=m, at=mail.sent_at, reference=mail.id) for k, m in done],
    )

    (entry,) = privacy.gather(ann, now=datetime.now(UTC))["notifications"]
    in_mail, in_app = sorted(entry["deliveries"], key=lambda one: one["channel"])

    nothing = dict.fromkeys(in_app.keys() - {"channel", "status", "sent_at", "used"})
    times = {name: at for name, at in in_mail.items() if name in nothing}
    told = dict.fromkeys(("machine_opened_at", "clicked_at", "seen_at"), mail.sent_at)
    assert times == {**nothing, **told}
    read = Engagement.objects.get(
        id=item.id
    ).read_at  # the item itself is unread while it is snoozed
    times = {name: at for name, at in in_app.items() if name in nothing}
    assert times == {**nothing, "seen_at": read, "read_at": read, "snoozed_until": later}


def test_an_export_asks_as_much_for_three_as_for_one(
    api: APIClient, provider: Ledger, run: Run
) -> None:
    make_type("order_shipped")
    asked = []
    for count in (1, 2):
        for _ in range(count):
            send(api, type="order_shipped")
        run()
        ann = Recipient.objects.get(user_id="ann")
        with CaptureQueriesContext(connection) as queries:
            parts = privacy.gather(ann.id, now=datetime.now(UTC))
        asked.append((len(parts["notifications"]), len(queries)))

    assert asked == [(1, asked[0][1]), (3, asked[0][1])]


def test_after_an_erasure_no_table_knows_the_person(
    api: APIClient, provider: Ledger, run: Run
) -> None:
    make_type("order_shipped")
    Guest.objects.create(service=make_service(), user_id="ann")
    send(api, type="order_shipped", cancellation_key="ann-order")
    run()

    assert privacy.erase("ann", actor="test", now=datetime.now(UTC))

    left = everything()
    for trace in ("ann@example.com", "Ann Canary", "ann-order", ",ann,", "(ann,"):
        assert trace not in left
    assert InboxItem.objects.count() == 0
    assert Render.objects.count() == 0
    assert Delivery.objects.count() == 2  # what is left are counts


def test_what_was_queued_for_an_erased_person_is_not_sent(
    api: APIClient, provider: Ledger, run: Run
) -> None:
    make_type("order_shipped")
    send(api, type="order_shipped")

    privacy.erase("ann", actor="test", now=datetime.now(UTC))
    run()

    assert provider.taken == []
    assert InboxItem.objects.count() == 0


@pytest.fixture
def code_type(db: None) -> Any:
    return make_type(
        "code",
        steps=[{"channel": "email"}],
        data_schema={
            "type": "object",
            "properties": {"code": {"type": "string", "x-sensitive": True}},
        },
        words={"email": {"subject": "Your code", "body": "<p>{{ data.code }}</p>"}},
    )


def test_secrets_are_forgotten_once_sent(
    api: APIClient, provider: Ledger, code_type: Any, run: Run
) -> None:
    send(api, type="code", data={"code": "483920"})
    run()

    assert "483920" in provider.taken[0].content.html
    assert Notification.objects.get().data is None


def test_secrets_of_what_is_never_sent_are_forgotten_too(
    api: APIClient, provider: Ledger, code_type: Any, run: Run
) -> None:
    code_type.active = False
    code_type.save()
    send(api, type="code", data={"code": "483920"})
    run()

    assert Notification.objects.get().data is None


def test_secrets_stay_while_the_message_may_still_leave(
    api: APIClient, provider: Ledger, code_type: Any, run: Run
) -> None:
    provider.script = [OutcomeKind.TRANSIENT]
    send(api, type="code", data={"code": "483920"})
    run()

    assert Notification.objects.get().data is not None


def test_secrets_of_a_dead_letter_are_forgotten_when_it_expires(
    api: APIClient, provider: Ledger, code_type: Any, run: Run
) -> None:
    code_type.uncertain = Uncertain.STOP
    code_type.save()
    provider.script = [OutcomeKind.UNKNOWN]
    expiry = (datetime.now(UTC) + timedelta(minutes=10)).isoformat()
    send(api, type="code", data={"code": "483920"}, expires_at=expiry)
    run()
    housekeeping.keep()
    assert Notification.objects.get().data is not None

    past = datetime.now(UTC) - timedelta(minutes=1)
    Delivery.objects.update(expires_at=past)
    Notification.objects.update(expires_at=past)
    run()
    housekeeping.keep()

    assert Notification.objects.get().data is None


def test_other_data_stays_with_its_notification(api: APIClient, provider: Ledger, run: Run) -> None:
    make_type("order_shipped")
    send(api, type="order_shipped", data={"number": "A-17"})
    run()

    assert Notification.objects.get().data is not None


def test_an_export_is_json(api: APIClient, provider: Ledger, run: Run) -> None:
    make_type("order_shipped")
    send(api, type="order_shipped")
    run()

    answer = api.get("/api/v1/users/ann/export")

    assert answer.status_code == 200, answer.content
    assert json.loads(answer.content)["notifications"][0]["type"] == "order_shipped"
