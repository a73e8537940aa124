"""A process that dies lets go of what it had claimed at once, save of what may be out."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from rest_framework.test import APIClient

from delivery import queue
from delivery.lifecycle import State
from delivery.models import Delivery
from notifications.models import Notification
from notifications.orphans import Orphans
from notifications.planning import plan
from notifications.words import Lane, Status
from notifysite.plumbing import claims
from tests.e2e.processes import kill, process
from tests.factories import make_type
from tests.fakes.scripted import Ledger

pytestmark = pytest.mark.django_db(transaction=True)

PLANS = """
import django
django.setup()
from notifications.planning import plan
from notifications.words import Lane
plan.plan_due(Lane.DEFAULT)
"""
MARKS_TWO = """
import os, signal, django
django.setup()
from delivery import queue
from notifications.words import Lane
from notifysite.plumbing import claims
token = claims.token()
rows = queue.claim(Lane.DEFAULT, token=token)
queue.mark([(row.id, token) for row in rows[:2]], provider="scripted")
os.kill(os.getpid(), signal.SIGSTOP)
"""


@contextmanager
def claimant(does: str) -> Iterator[Any]:
    """A process that has claimed all there is, and stands still."""
    with process("-c", does, NOTIFYSITE_FAILPOINTS="plan.claimed=stop") as running:
        stat = Path(f"/proc/{running.pid}/stat")
        await_that(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T")
        yield running


def await_that(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


def kill_noticed(worker: Any) -> None:
    """Kill it, and wait until the database has noticed."""
    holders = claims.holders()
    kill(worker)
    await_that(lambda: claims.holders() != holders)


def send(api: APIClient, number: int) -> None:
    make_type("order_shipped", steps=[{"channel": "email"}])
    to = [{"user_id": f"u{n}", "email": f"u{n}@example.com"} for n in range(number)]
    answer = api.post("/api/v1/notifications", {"type": "order_shipped", "to": to}, format="json")
    assert answer.status_code == 202, answer.content


def test_what_a_dead_worker_had_claimed_is_anothers_at_once(
    api: APIClient, provider: Ledger, run: Callable[[], int]
) -> None:
    send(api, 6)
    plan.plan_due(Lane.DEFAULT)
    orphans = Orphans()
    with claimant(MARKS_TWO) as worker:
        assert orphans.free() == 0
        assert run() == 0
        kill_noticed(worker)

        assert orphans.free() == 4
        assert orphans.free() == 0
        run()

    assert len(provider.taken) == 4
    states = Delivery.objects.values_list("state", flat=True)
    assert sorted(states) == [State.SENDING] * 2 + [State.SENT] * 4


def test_what_it_was_planning_is_planned_by_another_at_once(
    api: APIClient, provider: Ledger, run: Callable[[], int]
) -> None:
    send(api, 3)
    orphans = Orphans()
    with claimant(PLANS) as worker:
        assert (orphans.free(), run()) == (0, 0)
        kill_noticed(worker)

        assert orphans.free() == 3
        run()

    assert len(provider.taken) == 3
    assert set(Notification.objects.values_list("status", flat=True)) == {Status.DONE}


def test_who_is_only_thought_dead_sends_nothing_twice(
    api: APIClient, provider: Ledger, run: Callable[[], int]
) -> None:
    """Its session was lost, and it goes on: its claim is no longer worth anything."""
    send(api, 2)
    plan.plan_due(Lane.DEFAULT)
    token = claims.token()
    rows = queue.claim(Lane.DEFAULT, token=token)
    mine: list[tuple[UUID, UUID]] = [(row.id, token) for row in rows]

    assert queue.free(claims.holders()) == 2
    run()

    assert queue.mark(mine, provider="scripted") == set()
    assert len(provider.taken) == 2


def test_what_waits_for_its_time_is_freed_by_nobody(
    api: APIClient, provider: Ledger, run: Callable[[], int]
) -> None:
    send(api, 2)
    plan.plan_due(Lane.DEFAULT)
    token = claims.token()
    rows = queue.claim(Lane.DEFAULT, token=token)
    queue.release([(row.id, token) for row in rows], waits=[10.0, 20.0])

    assert queue.free(claims.holders()) == 0
    assert run() == 0
