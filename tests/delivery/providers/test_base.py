"""Threads and deadlines for providers that take one message at a time."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from delivery.contracts import Message, Outcome
from delivery.lifecycle import OutcomeKind
from delivery.providers import crew
from delivery.providers.base import OneByOne, seconds_left
from delivery.providers.webhook import Webhook
from tests.delivery.providers.messages import message

FOREVER = 60.0  # only ever waited for by a test that fails


class Scripted(OneByOne):
    """Does what the address says: take it, break, or hang until the test lets go."""

    def __init__(self, *, threads: int = 4, deadline: float = FOREVER) -> None:
        super().__init__(alias="scripted", threads=threads, deadline=deadline)
        self.let_go = threading.Event()
        self.began: list[str] = []
        self.together = threading.Barrier(threads)
        self.workers: list[threading.Thread] = []
        self.at_work = self.most_at_work = 0
        self.counted = threading.Lock()

    def send_one(self, message: Message) -> Outcome:
        with self.counted:
            self.at_work += 1
            self.most_at_work = max(self.most_at_work, self.at_work)
        try:
            return self.sent(message)
        finally:
            with self.counted:
                self.at_work -= 1

    def sent(self, message: Message) -> Outcome:
        self.began.append(message.address)
        self.workers.append(threading.current_thread())
        if message.address == "break":
            raise LookupError("ann@example.com is not there")
        if message.address == "hang":
            self.let_go.wait(FOREVER)
        if message.address == "meet":
            self.together.wait(FOREVER)
        return Outcome(reference=message.reference, kind=OutcomeKind.ACCEPTED, took=99.0)


@pytest.fixture
def scripted():
    made: list[Scripted] = []

    def make(**options) -> Scripted:
        made.append(Scripted(**options))
        return made[-1]

    yield make
    for provider in made:
        provider.let_go.set()


def kinds(provider, messages) -> dict[str, tuple[OutcomeKind, str]]:
    by_reference = {message.reference: message.address for message in messages}
    outcomes = list(provider.send(messages))
    assert len(outcomes) == len(messages)
    return {by_reference[each.reference]: (each.kind, each.code) for each in outcomes}


def test_every_message_gets_its_own_outcome(scripted) -> None:
    messages = [message(f"m{number}") for number in range(50)]
    assert kinds(scripted(), messages) == {
        each.address: (OutcomeKind.ACCEPTED, "") for each in messages
    }


def test_nothing_to_send_yields_nothing(scripted) -> None:
    assert list(scripted().send([])) == []


def test_as_many_as_a_flight_go_out_together(scripted) -> None:
    # Each waits for the others: one at a time would never end.
    provider = scripted(threads=3)
    assert provider.flight == 3
    outcomes = list(provider.send([message("meet") for _ in range(3)]))
    assert [outcome.kind for outcome in outcomes] == [OutcomeKind.ACCEPTED] * 3


def test_outcomes_come_as_they_are_known(scripted) -> None:
    provider = scripted(threads=2)
    slow, fast = message("hang"), message("fast")
    outcomes = provider.send([slow, fast])
    assert next(outcomes).reference == fast.reference
    provider.let_go.set()
    assert next(outcomes).reference == slow.reference


def test_what_a_provider_raises_is_unknown_and_names_nobody(scripted) -> None:
    broken, fine = message("break"), message("fine")
    outcomes = {each.reference: each for each in scripted().send([broken, fine])}
    assert outcomes[fine.reference].kind is OutcomeKind.ACCEPTED
    assert outcomes[broken.reference].kind is OutcomeKind.UNKNOWN
    assert outcomes[broken.reference].code == "LookupError"
    assert outcomes[broken.reference].detail.startswith("Raised in test_base.py:")
    assert "ann@example.com" not in outcomes[broken.reference].detail


def test_the_base_measures_how_long_it_took(scripted) -> None:
    (outcome,) = scripted().send([message("fine")])
    assert 0.0 <= outcome.took < 99.0


def test_at_the_deadline_what_runs_is_unknown_and_what_waits_is_never_sent(scripted) -> None:
    provider = scripted(threads=1, deadline=1.0)
    messages = [message("fine"), message("hang"), message("waits")]
    assert kinds(provider, messages) == {
        "fine": (OutcomeKind.ACCEPTED, ""),
        "hang": (OutcomeKind.UNKNOWN, "deadline"),
        "waits": (OutcomeKind.TRANSIENT, "no_turn"),
    }
    provider.let_go.set()
    assert kinds(provider, [message("next")]) == {"next": (OutcomeKind.ACCEPTED, "")}
    assert provider.began == ["fine", "hang", "next"]


def test_a_stuck_thread_does_not_hold_up_the_next_flight(scripted) -> None:
    provider = scripted(threads=1, deadline=1.0)
    assert kinds(provider, [message("hang")]) == {"hang": (OutcomeKind.UNKNOWN, "deadline")}
    assert kinds(provider, [message("next")]) == {"next": (OutcomeKind.ACCEPTED, "")}


def test_whoever_stops_listening_stops_what_has_not_begun(scripted) -> None:
    provider = scripted(threads=1)
    outcomes = provider.send([message("fine"), message("hang"), message("waits")])
    next(outcomes)
    outcomes.close()
    provider.let_go.set()
    assert kinds(provider, [message("next")]) == {"next": (OutcomeKind.ACCEPTED, "")}
    assert "waits" not in provider.began


def sending(provider: Scripted, messages: list[Message]) -> tuple[threading.Thread, list[Outcome]]:
    """A flight that another thread waits for, and what it has been answered so far."""
    outcomes: list[Outcome] = []
    thread = threading.Thread(target=lambda: outcomes.extend(provider.send(messages)))
    thread.start()
    return thread, outcomes


def began(provider: Scripted, number: int) -> None:
    while len(provider.began) < number:
        time.sleep(0.001)


@pytest.mark.parametrize(
    ("threads", "flights", "flight"), [(1, 1, 1), (31, 1, 31), (32, 2, 16), (65, 2, 33)]
)
def test_many_threads_are_given_two_flights_of_half_the_size(
    scripted, threads: int, flights: int, flight: int
) -> None:
    provider = scripted(threads=threads)
    assert (provider.flights, provider.flight) == (flights, flight)


def test_where_each_message_has_its_own_server_a_slow_one_leaves_others_a_flight() -> None:
    provider = Webhook(alias="webhook", threads=40)
    assert (provider.flights, provider.flight) == (8, 40)
    provider.close()


def test_two_flights_share_the_threads(scripted) -> None:
    provider = scripted(threads=2)
    first, answered_first = sending(provider, [message("hang") for _ in range(3)])
    began(provider, 2)
    second, answered_second = sending(provider, [message("hang") for _ in range(3)])
    provider.let_go.set()
    first.join()
    second.join()

    assert [len(answered_first), len(answered_second)] == [3, 3]
    assert provider.most_at_work == 2


def test_a_flight_behind_one_that_is_stuck_has_its_turn_when_that_has_ended(scripted) -> None:
    provider = scripted(threads=1, deadline=1.0)
    first, answered_first = sending(provider, [message("hang")])
    began(provider, 1)
    provider.deadline = FOREVER
    second, answered_second = sending(provider, [message("fine"), message("fine")])
    first.join()
    second.join()

    assert [outcome.code for outcome in answered_first] == ["deadline"]
    assert [outcome.kind for outcome in answered_second] == [OutcomeKind.ACCEPTED] * 2


def test_a_thread_that_comes_back_too_late_takes_no_more(scripted) -> None:
    provider = scripted(threads=1, deadline=1.0)
    assert kinds(provider, [message("hang")]) == {"hang": (OutcomeKind.UNKNOWN, "deadline")}
    (stuck,) = provider.workers
    provider.let_go.set()
    provider.deadline = FOREVER
    list(provider.send([message("next") for _ in range(20)]))

    assert stuck not in provider.workers[1:]


def test_a_thread_that_rests_is_called_for_the_next_flight(
    scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "PARKED_SECONDS", FOREVER)
    provider = scripted(threads=1)
    for _ in range(3):
        list(provider.send([message("fine"), message("fine")]))

    assert len(set(provider.workers)) == 1
    assert len(provider.workers) == 6


def test_a_thread_that_rested_long_goes_home_and_another_comes(
    scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "PARKED_SECONDS", 0.0)
    provider = scripted(threads=1)
    for _ in range(20):
        assert len(list(provider.send([message("fine"), message("fine")]))) == 2

    assert provider.most_at_work == 1


def workers(
    monkeypatch: pytest.MonkeyPatch, *, waited: list[float]
) -> tuple[set[int], list[Outcome]]:
    """Who worked on a message each of which the other side was waited for so long."""
    # Only what was waited for calls more, not that nothing came for a while.
    monkeypatch.setattr(crew, "STALL_SECONDS", FOREVER)
    at_work: list[set[int]] = [set()]

    def work(take: crew.Take) -> None:
        while (job := take()) is not None:
            time.sleep(0.01)
            at_work[0].add(threading.get_ident())
            outcome = Outcome(reference=job.message.reference, kind=OutcomeKind.ACCEPTED, took=9.0)
            job.finish(outcome, waited=float(job.message.address))

    made = crew.Crew(work, most=4, name="crew")
    list(made.outcomes([message("0.0")], within=FOREVER))  # so that it is known to be quick
    at_work[0] = set()
    outcomes = list(made.outcomes([message(str(each)) for each in waited], within=FOREVER))
    return at_work[0], outcomes


def test_what_waits_for_our_own_threads_calls_no_more_of_them(monkeypatch) -> None:
    idents, outcomes = workers(monkeypatch, waited=[0.0] * 20)
    assert len(idents) == 1
    assert [outcome.took for outcome in outcomes] == [9.0] * 20


def test_what_waits_for_the_other_side_calls_all_of_them(monkeypatch) -> None:
    idents, outcomes = workers(monkeypatch, waited=[1.0] * 60)
    assert len(idents) == 4
    assert len(outcomes) == 60


def accepted(job: crew.Job) -> Outcome:
    return Outcome(reference=job.message.reference, kind=OutcomeKind.ACCEPTED)


def test_the_threads_of_a_slow_provider_begin_with_its_next_flight_at_once(monkeypatch) -> None:
    meeting = threading.Barrier(4)

    def work(take: crew.Take) -> None:
        while (job := take()) is not None:
            meeting.wait(FOREVER)
            job.finish(accepted(job), waited=1.0)

    made = crew.Crew(work, most=4, name="crew")
    sent = [message() for _ in range(4)]
    assert len(list(made.outcomes(sent, within=FOREVER))) == 4
    # That they meet again is not to be for want of answers, which calls all of them in the end.
    monkeypatch.setattr(made, "_stalled", lambda _: False)
    assert len(list(made.outcomes(sent, within=FOREVER))) == 4


@pytest.mark.parametrize(("most", "ahead"), [(1, True), (2, False)])
def test_what_another_thread_could_begin_with_is_not_taken_ahead(most: int, ahead: bool) -> None:
    turn = threading.Lock()
    given: list[bool] = []

    def work(take: crew.Take) -> None:
        with turn:
            job = take()
            after = take(ahead=True)
        given.append(after is not None)
        for one in (job, after):
            if one is not None:
                one.finish(accepted(one), waited=1.0)

    made = crew.Crew(work, most=most, name="crew")
    for _ in range(2):
        given.clear()
        assert len(list(made.outcomes([message(), message()], within=FOREVER))) == 2
    assert any(given) is ahead


@pytest.mark.parametrize("options", [{"threads": 0}, {"deadline": 0}, {"deadline": -1.0}])
def test_no_threads_or_no_time_is_a_mistake(options) -> None:
    with pytest.raises(ValueError, match="more than 0"):
        Scripted(**options)


def test_a_provider_tries_no_longer_than_a_message_is_worth() -> None:
    now = datetime.now(UTC)

    def left(expires_at: datetime | None) -> int:
        return seconds_left(expires_at, otherwise=7, least=1, most=100)

    assert left(None) == 7
    assert left(now - timedelta(hours=1)) == 1
    assert left(now + timedelta(hours=1)) == 100
    assert 55 <= left(now + timedelta(minutes=1)) <= 60
