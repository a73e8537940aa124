"""What a worker does for a lane, and when it stops."""

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from celery.worker import state
from django.db import InterfaceError, connection
from django.db.models.functions import Now

from delivery import health, routing
from delivery.contracts import Message
from delivery.lifecycle import OutcomeKind, State
from delivery.models import Delivery
from notifications import housekeeping, pump, tasks, work
from notifications.callbacks import listeners
from notifications.models import Notification
from notifications.words import Lane, Status
from tests.factories import make_recipient, make_type
from tests.fakes.scripted import Ledger


@pytest.mark.parametrize("flag", ["should_stop", "should_terminate"])
def test_a_worker_knows_that_celery_told_it_to_stop(
    monkeypatch: pytest.MonkeyPatch, flag: str
) -> None:
    assert work.stopping() is False
    monkeypatch.setattr(state, flag, 0)  # the exit code of SIGTERM
    assert work.stopping() is True


@pytest.mark.django_db
def test_a_worker_told_to_stop_claims_no_more(api: Any) -> None:
    make_type("order_shipped")
    api.post("/api/v1/notifications", {"type": "order_shipped", "to": "ann"})

    assert work.work(Lane.DEFAULT, stopping=lambda: True) == 0
    assert Notification.objects.get().status == Status.ACCEPTED


@pytest.mark.django_db
def test_a_worker_does_what_is_due_whatever_it_was_nudged_for(api: Any, provider: Ledger) -> None:
    make_type("order_shipped", steps=[{"channel": "email"}])
    make_recipient("ann", email="ann@example.com")
    api.post("/api/v1/notifications", {"type": "order_shipped", "to": "ann"})
    provider.script = [OutcomeKind.TRANSIENT]
    work.work(Lane.DEFAULT)
    Delivery.objects.update(due_at=Now())

    work.work(Lane.DEFAULT)

    assert Delivery.objects.get().state == State.SENT
    assert Notification.objects.get().status == Status.DONE


@pytest.mark.django_db(transaction=True)  # who is slow has a connection of its own
def test_a_worker_that_waits_for_somebody_slow_goes_on_for_others(
    api: Any, provider: Ledger
) -> None:
    make_type("order_shipped", steps=[{"channel": "email"}])
    make_type("code_sent", steps=[{"channel": "in_app"}])
    make_recipient("ann", email="ann@example.com")
    budget = 0.3

    def slow(_: Message) -> OutcomeKind:
        time.sleep(2 * budget)
        api.post("/api/v1/notifications", {"type": "code_sent", "to": "ann"})
        until = time.monotonic() + 30  # only a test that fails waits so long
        while time.monotonic() < until:
            if Delivery.objects.filter(state=State.DELIVERED).exists():
                return OutcomeKind.ACCEPTED
            time.sleep(0.01)
        return OutcomeKind.TRANSIENT

    provider.script = [slow]
    api.post("/api/v1/notifications", {"type": "order_shipped", "to": "ann"})
    work.work(Lane.DEFAULT, budget=budget, patience=60)

    states = Delivery.objects.order_by("id").values_list("state", flat=True)
    assert list(states) == [State.SENT, State.DELIVERED]


@pytest.mark.django_db
def test_what_breaks_in_the_pump_keeps_nothing_else_waiting(api: Any, provider: Ledger) -> None:
    make_type("order_shipped", steps=[{"channel": "email"}])
    make_recipient("ann", email="ann@example.com")
    api.post("/api/v1/notifications", {"type": "order_shipped", "to": "ann"})
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO delivery_parked_news"
            " (provider, provider_ref, kind, at, code, detail, machine, due_at)"
            " VALUES ('acme', 'r', 3, '0001-12-31 19:00:00+00 BC', '', '', FALSE, now())"
        )
    Notification.objects.update(due_at=Now() - timedelta(seconds=pump.NEGLECTED_SECONDS + 1))

    pump.tick()

    assert Delivery.objects.get().state == State.SENT


@pytest.mark.django_db
def test_a_pump_whose_house_is_in_disorder_pumps_on(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[float] = []

    class Twice(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            looks.append(timeout or 0.0)
            if len(looks) == 2:
                self.set()
            return self.is_set()

    def broken() -> None:  # by a fault that nobody knows of yet
        raise ValueError("year -1 is out of range")

    monkeypatch.setattr(housekeeping, "keep", broken)
    pump.run(Twice())

    assert len(looks) == 2


@pytest.mark.django_db
def test_a_nudge_for_nothing_costs_two_statements(django_assert_num_queries: Any) -> None:
    work.work(Lane.DEFAULT)

    with django_assert_num_queries(2):
        assert work.work(Lane.DEFAULT) == 0


@pytest.mark.django_db(transaction=True)
def test_a_letter_alone_costs_fifteen_statements(
    api: Any,
    provider: Ledger,
    monkeypatch: pytest.MonkeyPatch,
    django_assert_num_queries: Any,
) -> None:
    """Claim, wishes, addresses; plan; mark, last look, render; settle; a look around; told: begin,
    take, move, count, commit; a look around."""
    make_type("order_shipped", steps=[{"channel": "email"}])
    for user in ("ann", "bo"):  # the first has types, words, routes and breakers read
        make_recipient(user, email=f"{user}@example.com")
    for module in (routing, health, listeners):
        monkeypatch.setattr(module, "CACHE_SECONDS", 3600.0)
    monkeypatch.setattr(work, "ANSWER_SECONDS", 60.0)
    api.post("/api/v1/notifications", {"type": "order_shipped", "to": "ann"})
    work.work(Lane.DEFAULT)
    api.post("/api/v1/notifications", {"type": "order_shipped", "to": "bo"})

    with django_assert_num_queries(15):
        work.work(Lane.DEFAULT)

    assert set(Notification.objects.values_list("status", flat=True)) == {Status.DONE}


@pytest.mark.django_db(transaction=True)
def test_a_worker_whose_connection_broke_has_a_new_one_at_the_next_nudge(api: Any) -> None:
    make_type("order_shipped")
    api.post("/api/v1/notifications", {"type": "order_shipped", "to": "ann"})
    connection.ensure_connection()
    connection.connection.close()

    with pytest.raises(InterfaceError):
        tasks.work(Lane.DEFAULT)
    tasks.work(Lane.DEFAULT)

    assert Notification.objects.get().status == Status.DONE
