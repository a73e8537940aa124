"""News that comes before we have noted the provider's id of a message waits, and finds it."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
import structlog
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from delivery import dispatch, feedback, queue
from delivery.contracts import Message, Report
from delivery.feedback import Reported
from delivery.lifecycle import EventKind, OutcomeKind, State
from delivery.models import Delivery, Event, News, ParkedNews, Suppression
from tests.delivery.feedback.conftest import says, tried
from tests.fakes.scripted import Ledger

DEFAULT = 2
Given = Callable[..., list[UUID]]
StateOf = Callable[[UUID], Delivery]


def named(delivery: UUID, kind: EventKind = EventKind.DELIVERED) -> Report:
    """A report that knows the message only by the provider's id."""
    return says(kind, None, provider_ref=f"ref-{delivery}")


def age(**by: float) -> None:
    """Let time have passed since news was parked."""
    past = timedelta(**by)
    ParkedNews.objects.update(created_at=F("created_at") - past, due_at=F("due_at") - past)


@pytest.fixture
def sending(given: Given) -> UUID:
    """A delivery that a worker is just handing over."""
    return given(state=State.SENDING, outcome=None)[0]


@pytest.mark.django_db
def test_news_of_a_message_we_have_no_id_of_is_parked(sending: UUID, state_of: StateOf) -> None:
    answer = feedback.report("acme", [named(sending), named(sending)])

    assert answer == Reported(taken=0, repeated=1, parked=1, refused=0)
    assert feedback.report("acme", [named(sending)]).repeated == 1
    assert (ParkedNews.objects.count(), News.objects.count(), Event.objects.count()) == (1, 1, 0)
    assert state_of(sending).state == State.SENDING


@pytest.mark.django_db
@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00"])
def test_news_with_a_date_that_never_was_holds_up_no_other(
    sending: UUID, state_of: StateOf, at: str
) -> None:
    odd = replace(named(uuid4()), at=datetime.fromisoformat(at))
    assert feedback.report("acme", [odd, named(sending)]).parked == 2
    assert feedback.report("acme", [odd]).repeated == 1
    tried([sending])
    age(seconds=2)

    assert feedback.match_parked() == 1
    assert state_of(sending).state == State.DELIVERED


@pytest.mark.django_db
def test_parked_news_is_matched_once_the_attempt_is_written_down(
    sending: UUID, state_of: StateOf
) -> None:
    bounce = says(
        EventKind.HARD_BOUNCE, None, provider_ref=f"ref-{sending}", code="5.1.1", detail="no such"
    )
    feedback.report("acme", [bounce])
    assert feedback.match_parked() == 0

    tried([sending])
    age(seconds=2)

    assert feedback.match_parked() == 1
    event = Event.objects.get()
    assert (event.delivery_id, event.at, event.code, event.detail, event.provider) == (
        sending,
        bounce.at,
        "5.1.1",
        "no such",
        "acme",
    )
    assert state_of(sending).state == State.BOUNCED
    assert (ParkedNews.objects.count(), Suppression.objects.count()) == (0, 1)
    assert feedback.report("acme", [bounce]).repeated == 1


@pytest.mark.django_db
def test_another_providers_attempt_under_the_same_id_is_not_meant(sending: UUID) -> None:
    feedback.report("bolt", [named(sending)])
    tried([sending])

    assert feedback.match_parked() == 0
    assert ParkedNews.objects.count() == 1


@pytest.mark.django_db
def test_news_is_looked_for_ever_more_seldom(sending: UUID) -> None:
    feedback.report("acme", [named(sending)])
    waits = []
    for seconds in (0, 10, 600):
        age(seconds=seconds)
        feedback.match_parked()
        row = ParkedNews.objects.annotate(wait=F("due_at") - F("created_at")).get()
        waits.append(row.wait.total_seconds())

    assert waits == pytest.approx([1, 15, 915], abs=8)


@pytest.mark.django_db
def test_news_that_an_hour_has_not_matched_is_given_up_and_still_known(sending: UUID) -> None:
    feedback.report("acme", [named(sending), named(uuid4())])
    age(minutes=61)

    with structlog.testing.capture_logs() as logs:
        assert feedback.match_parked() == 0

    assert ParkedNews.objects.count() == 0
    assert logs == [
        {"event": "news_given_up", "log_level": "warning", "provider": "acme", "reports": 2}
    ]
    assert feedback.report("acme", [named(sending)]).repeated == 1


@pytest.mark.django_db
def test_the_last_look_still_matches(sending: UUID, state_of: StateOf) -> None:
    feedback.report("acme", [named(sending)])
    tried([sending])
    age(minutes=61)

    assert feedback.match_parked() == 1
    assert state_of(sending).state == State.DELIVERED


@pytest.mark.django_db
def test_a_batch_of_parked_news_is_looked_for_at_a_time(given: Given) -> None:
    deliveries = given(7, state=State.SENDING, outcome=None)
    feedback.report("acme", [named(one) for one in deliveries])
    tried(deliveries)

    assert [feedback.match_parked(limit=3) for _ in range(4)] == [3, 3, 1, 0]


@pytest.mark.django_db
def test_an_empty_car_park_costs_one_query() -> None:
    with CaptureQueriesContext(connection) as queries:
        feedback.match_parked()

    assert len(queries) == 1


@pytest.mark.django_db
def test_matching_costs_the_same_for_one_and_for_many(given: Given) -> None:
    def cost(count: int) -> int:
        deliveries = given(count, state=State.SENDING, outcome=None)
        feedback.report("acme", [named(one) for one in deliveries])
        tried(deliveries)
        with CaptureQueriesContext(connection) as queries:
            assert feedback.match_parked() == count
        return len(queries)

    assert cost(1) == cost(200) <= 13


@pytest.fixture
def elsewhere() -> Iterator[Callable[..., None]]:
    """Report from another connection, beside the worker."""
    with ThreadPoolExecutor(2) as pool:
        under_way = []

        def report(said: Report, *, first: bool) -> None:
            future = pool.submit(_closing, lambda: feedback.report("scripted", [said]))
            under_way.append(future)
            if first:
                future.result()

        yield report
        for future in under_way:
            future.result()


def _closing(work: Callable[[], object]) -> None:
    try:
        work()
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("by", ["reference", "provider_ref"])
@pytest.mark.parametrize("first", [True, False], ids=["before", "at the same time"])
def test_news_that_outruns_our_own_note_of_the_hand_over_is_never_lost(
    provider: Ledger,
    queued: Given,
    elsewhere: Callable[..., None],
    by: str,
    first: bool,
) -> None:
    deliveries = queued(50)

    def arrive(message: Message) -> OutcomeKind:
        ref = f"scripted-{len(provider.taken) + 1}"
        reference = message.reference if by == "reference" else None
        elsewhere(says(EventKind.DELIVERED, reference, provider_ref=ref), first=first)
        return OutcomeKind.ACCEPTED

    provider.script = [arrive] * len(deliveries)
    with _pump():
        dispatch.dispatch_due(DEFAULT)
        _until(lambda: Event.objects.count() == len(deliveries))

    rows = Delivery.objects.values_list("id", "state", "lease", "due_at", "attempts")
    assert sorted(rows) == [(one, State.DELIVERED, None, None, 1) for one in sorted(deliveries)]
    assert ParkedNews.objects.count() == 0
    assert queue.claim_limbo(token=uuid4()) == []


class _pump:
    """Matches parked news all the while, as the pump does."""

    def __enter__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=_closing, args=(self._match,))
        self._thread.start()

    def _match(self) -> None:
        while not self._stop.wait(0.05):
            feedback.match_parked()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def _until(there: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not there():
        assert time.monotonic() < until
        time.sleep(0.05)
