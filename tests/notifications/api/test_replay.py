"""Dead letters go out again, once."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from delivery.lifecycle import OutcomeKind, Reason, State
from delivery.models import AuditEntry, Delivery, Suppression
from delivery.models.suppression import SuppressionReason
from notifications.models import Notification, Service, TemplateVersion, VersionState
from notifications.words import Mode, Status
from preferences import privacy
from tests.factories import make_type
from tests.fakes.scripted import Ledger

pytestmark = pytest.mark.django_db
URL = "/api/v1/deliveries"
Send = Callable[..., list[str]]
Run = Callable[[], int]


@pytest.fixture
def dead(send: Send, provider: Ledger, run: Run) -> Callable[..., list[Delivery]]:
    """Mails that nobody took."""

    def make(count: int = 1, **values: Any) -> list[Delivery]:
        make_type(f"mail_{count}", steps=[{"channel": "email"}])
        provider.script, provider.retry_after = [OutcomeKind.TRANSIENT] * count, 3600.0
        made = send(*(f"u{n}" for n in range(count)), type=f"mail_{count}")
        run()
        rows = Delivery.objects.filter(notification_id__in=made)
        rows.update(
            **{"state": State.DEAD, "reason": Reason.RETRIES_EXHAUSTED, "due_at": None} | values
        )
        Notification.objects.filter(id__in=made).update(status=Status.DONE)
        return list(rows.order_by("id"))

    return make


def replay(client: APIClient, row: Delivery) -> Any:
    return client.post(f"{URL}/{row.id}/replay")


@pytest.mark.parametrize("state", [State.DEAD, State.UNCERTAIN])
def test_a_dead_letter_is_sent_again(
    shop: APIClient, dead: Any, provider: Ledger, run: Run, state: State
) -> None:
    (row,) = dead(state=state)

    answer = replay(shop, row)
    assert (answer.status_code, answer.json()["replayed"]) == (202, 1)
    row.refresh_from_db()
    assert (row.state, row.reason, row.attempts, row.unknowns) == (State.QUEUED, None, 0, 0)
    assert Notification.objects.get().status == Status.PLANNED
    run()

    row.refresh_from_db()
    assert (row.state, row.attempts) == (State.SENT, 1)
    assert len(provider.taken) == 1
    assert Notification.objects.get().status == Status.DONE


def test_a_double_click_sends_once(shop: APIClient, dead: Any, provider: Ledger, run: Run) -> None:
    (row,) = dead()
    first, second = replay(shop, row), replay(shop, row)
    run()
    third = replay(shop, row)

    assert [a.status_code for a in (first, second, third)] == [202, 202, 409]
    assert (second.json()["replayed"], second.json()["under_way"]) == (0, 1)
    assert third.json()["code"] == "not_replayable"
    assert len(provider.taken) == 1


def test_a_replay_is_audited(shop: APIClient, dead: Any) -> None:
    (row,) = dead()
    replay(shop, row)
    (entry,) = AuditEntry.objects.filter(action="delivery.replayed")
    assert (entry.actor, entry.target) == ("service:shop", f"delivery:{row.id}")


def test_what_has_expired_stays_dead(shop: APIClient, dead: Any) -> None:
    (row,) = dead(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    answer = replay(shop, row)
    assert answer.status_code == 409
    assert answer.json()["detail"] == "Refused, because it was no longer worth sending by then."
    row.refresh_from_db()
    assert row.state == State.DEAD


def test_a_suppressed_address_is_not_tried_again(shop: APIClient, dead: Any) -> None:
    (row,) = dead()
    Suppression.objects.create(
        channel=1, address_hash=row.address_hash, reason=SuppressionReason.COMPLAINT
    )
    answer = replay(shop, row)
    assert answer.json()["detail"] == "Refused, because the address must not be used any more."


def test_what_was_said_to_somebody_erased_meanwhile_does_not_leave(
    shop: APIClient, dead: Any, provider: Ledger, run: Run
) -> None:
    (row,) = dead()
    privacy.erase("u0", actor="test", now=datetime.now(UTC))
    assert replay(shop, row).json()["replayed"] == 1
    run()
    row.refresh_from_db()
    assert (row.state, row.reason) == (State.CANCELLED, Reason.ERASED)
    assert provider.taken == []


def test_what_has_no_words_any_more_does_not_leave(
    shop: APIClient, dead: Any, provider: Ledger, run: Run
) -> None:
    (row,) = dead()
    TemplateVersion.objects.update(state=VersionState.RETIRED)
    assert replay(shop, row).json()["replayed"] == 1
    run()
    row.refresh_from_db()
    assert (row.state, row.reason) == (State.FAILED, Reason.NO_TEMPLATE)
    assert provider.taken == []


def test_the_person_s_wish_since_then_is_what_holds(
    shop: APIClient, dead: Any, provider: Ledger, run: Run
) -> None:
    (row,) = dead()
    wish = {"channels": {"email": {"enabled": False}}}
    assert shop.patch("/api/v1/users/u0/preferences", wish).status_code == 200
    assert replay(shop, row).json()["replayed"] == 1
    run()
    row.refresh_from_db()
    assert (row.state, row.reason) == (State.CANCELLED, Reason.OPTED_OUT_CHANNEL)
    assert provider.taken == []


def test_another_service_cannot_replay_it(caller: Any, dead: Any) -> None:
    (row,) = dead()
    assert replay(caller(), row).status_code == 404
    operator = caller(scopes=["deliveries:replay", "read:all"])
    assert replay(operator, row).status_code == 202


def test_a_test_key_sends_nothing_again_that_was_for_real(caller: Any, dead: Any) -> None:
    (row,) = dead()
    trial = caller(Service.objects.get(key="shop"), mode=Mode.TEST)
    assert replay(trial, row).status_code == 404
    assert trial.post(f"{URL}/replay", {"filter": {}}).json()["replayed"] == 0
    Notification.objects.update(mode=Mode.TEST)
    assert replay(trial, row).status_code == 202


def test_without_the_scope_nothing_is_replayed(caller: Any, dead: Any) -> None:
    (row,) = dead()
    sender = caller(scopes=["notifications:send"])
    assert replay(sender, row).json()["code"] == "scope_missing"


def test_a_filter_takes_what_it_names(shop: APIClient, dead: Any) -> None:
    rows = dead(3)
    Delivery.objects.filter(id=rows[0].id).update(provider="other")
    Delivery.objects.filter(id=rows[1].id).update(expires_at=datetime.now(UTC))
    body = {"filter": {"channel": "email", "provider": "scripted", "type": "mail_3"}}

    answer = shop.post(f"{URL}/replay", body)

    (queued,) = Delivery.objects.filter(state=State.QUEUED)
    assert queued == rows[2]
    assert (answer.status_code, answer.json()) == (
        202,
        {
            "replayed": 1,
            "under_way": 0,
            "refused": {"expired": 1},
            "more": False,
            "last_due_at": queued.due_at.isoformat().replace("+00:00", "Z"),
        },
    )


def test_an_empty_filter_takes_all_the_dead_but_not_the_uncertain(
    shop: APIClient, dead: Any
) -> None:
    rows = dead(3)
    Delivery.objects.filter(id=rows[0].id).update(state=State.UNCERTAIN)

    assert shop.post(f"{URL}/replay", {"filter": {}}).json()["replayed"] == 2
    uncertain = {"filter": {"status": ["uncertain"]}}
    assert shop.post(f"{URL}/replay", uncertain).json()["replayed"] == 1


def test_an_unknown_filter_is_an_error(shop: APIClient) -> None:
    answer = shop.post(f"{URL}/replay", {"filter": {"colour": "red"}})
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/filter/colour"]
    assert shop.post(f"{URL}/replay", {}).status_code == 422


def test_replaying_fifty_costs_as_much_as_replaying_one(shop: APIClient, dead: Any) -> None:
    def cost(count: int) -> int:
        dead(count)
        with CaptureQueriesContext(connection) as queries:
            assert shop.post(f"{URL}/replay", {"filter": {}}).json()["replayed"] == count
        return len(queries)

    shop.get("/api/v1/types")
    assert cost(1) == cost(50)
