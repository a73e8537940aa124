"""A provider that says it can do with two flights has two under way, once it goes well."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from delivery import dispatch, health, queue
from delivery.contracts import Message
from delivery.dispatch import dispatcher
from delivery.dispatch.flights import Claimed, cut
from delivery.lifecycle import OutcomeKind, State, Uncertain
from delivery.models import Attempt, Delivery
from tests.fakes.scripted import Ledger

pytestmark = pytest.mark.django_db

DEFAULT = 2
FLIGHT = 5
ACCEPTED, TRANSIENT = OutcomeKind.ACCEPTED, OutcomeKind.TRANSIENT
Queued = Callable[..., list[UUID]]


class Company:
    """Whether the first messages of two flights were with the provider at the same time."""

    def __init__(self) -> None:
        self.had = False
        self._barrier = threading.Barrier(2)

    def expected(self, _: Message) -> OutcomeKind:
        self._barrier.wait(60)  # only a test that fails waits so long
        return ACCEPTED

    def watched_for(self, kind: OutcomeKind) -> Callable[[Message], OutcomeKind]:
        def answer(_: Message) -> OutcomeKind:
            try:
                self._barrier.wait(0.1)
            except threading.BrokenBarrierError:
                self._barrier.reset()
            else:
                self.had = True
            return kind

        return answer


@pytest.fixture
def twofold(provider: Ledger, settings: Any) -> Iterator[Ledger]:
    """The only email provider says that it can do with two flights."""
    entry = settings.DELIVERY_PROVIDERS["scripted"]
    settings.DELIVERY_PROVIDERS = {
        "scripted": {**entry, "OPTIONS": {"flight": FLIGHT, "flights": 2}}
    }
    return provider


def changed(ids: list[UUID], **values: Any) -> None:
    Delivery.objects.filter(id__in=ids).update(**values)


def states() -> set[int]:
    return set(Delivery.objects.values_list("state", flat=True))


def test_after_a_flight_that_went_well_two_are_under_way(twofold: Ledger, queued: Queued) -> None:
    queued(3 * FLIGHT)
    company = Company()
    twofold.script = [ACCEPTED] * FLIGHT + [company.expected] * 2
    dispatch.dispatch_due(DEFAULT)

    assert states() == {State.SENT}
    assert Attempt.objects.count() == 3 * FLIGHT


def test_the_first_flight_leaves_alone(twofold: Ledger, queued: Queued) -> None:
    queued(2 * FLIGHT)
    company = Company()
    twofold.script = [company.watched_for(ACCEPTED)]
    dispatch.dispatch_due(DEFAULT)

    assert not company.had
    assert states() == {State.SENT}


def test_after_a_failure_one_flight_at_a_time_is_risked(twofold: Ledger, queued: Queued) -> None:
    queued(4 * FLIGHT)
    company = Company()
    twofold.script = [company.watched_for(TRANSIENT), *[ACCEPTED] * (FLIGHT - 1)] * 4
    dispatch.dispatch_due(DEFAULT)

    assert not company.had
    assert Delivery.objects.filter(state=State.SENT).count() == 4 * (FLIGHT - 1)


@pytest.fixture
def apart(twofold: Ledger, settings: Any) -> Ledger:
    """Each message goes to a server of its own."""
    settings.DELIVERY_PROVIDERS["scripted"]["OPTIONS"]["apart"] = True
    return twofold


def test_while_one_of_many_servers_is_slow_the_others_get_theirs(
    apart: Ledger, queued: Queued
) -> None:
    queued(3 * FLIGHT)
    apart.script = [lambda _: ACCEPTED if came(apart, 2 * FLIGHT) else TRANSIENT]
    dispatch.dispatch_due(DEFAULT)

    assert states() == {State.SENT}


@pytest.mark.parametrize("first", [FLIGHT, 0], ids=["behind one", "in front"])
def test_what_a_slow_server_did_not_answer_before_holds_up_no_others(
    apart: Ledger, queued: Queued, first: int
) -> None:
    queued(first)
    changed(queued(3), unknowns=1)
    apart.script = [lambda _: ACCEPTED if came(apart, 2) else TRANSIENT]
    dispatch.dispatch_due(DEFAULT)

    assert states() == {State.SENT}


def came(ledger: Ledger, count: int) -> bool:
    """Whether so many came, as long as it may take."""
    until = time.monotonic() + 60  # only a test that fails waits so long
    while len(ledger.taken) < count and time.monotonic() < until:
        time.sleep(0.01)
    return len(ledger.taken) >= count


def test_while_all_of_them_are_quick_one_flight_after_the_other_costs_least(
    apart: Ledger, queued: Queued, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "SLOW_SECONDS", 60.0)  # this machine may be the slow one
    queued(3 * FLIGHT)
    company = Company()
    apart.script = [company.watched_for(ACCEPTED)]
    dispatch.dispatch_due(DEFAULT)

    assert not company.had
    assert states() == {State.SENT}


@pytest.mark.parametrize(("beside", "size"), [(False, 5), (True, 2)])
def test_beside_a_slow_one_few_fly_together(apart: Ledger, beside: bool, size: int) -> None:
    row = queue.Row(*[None] * len(queue.Row._fields))._replace(id=uuid4(), unknowns=0)
    waiting = deque([Claimed(row, uuid4())] * 9)

    assert len(cut(waiting, alias="scripted", beside=beside)) == size


@pytest.mark.parametrize(
    "suspect", [{"uncertain": Uncertain.STOP}, {"unknowns": 2}], ids=["stop", "suspect"]
)
def test_what_must_not_be_in_doubt_with_others_flies_without_company(
    twofold: Ledger, queued: Queued, suspect: dict[str, Any]
) -> None:
    queued(FLIGHT)
    changed(queued(3), **suspect)
    company = Company()
    twofold.script = [ACCEPTED] * FLIGHT + [company.watched_for(ACCEPTED)] * 3
    dispatch.dispatch_due(DEFAULT)

    assert not company.had
    assert states() == {State.SENT}


@pytest.mark.django_db(transaction=True)  # the others have a connection of their own
def test_a_provider_found_broken_by_others_is_given_no_second_flight(
    twofold: Ledger, queued: Queued
) -> None:
    queued(3 * FLIGHT)
    company = Company()

    def broken_meanwhile(_: Message) -> OutcomeKind:
        health._open(health.Way("scripted", 1), "others said so", at_least=60)
        return ACCEPTED

    twofold.script = [*[ACCEPTED] * (FLIGHT - 1), broken_meanwhile, company.watched_for(ACCEPTED)]
    dispatch.dispatch_due(DEFAULT)

    assert Attempt.objects.count() == FLIGHT
    assert states() == {State.SENT, State.QUEUED}
