"""What providers report becomes what stands of deliveries."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from delivery import announcements, feedback, queue
from delivery.contracts import Change, Outcome
from delivery.feedback import Reported, news
from delivery.lifecycle import SUPPRESSING, EventKind, OutcomeKind, Reason, State
from delivery.models import Announcement, Attempt, Delivery, Engagement, Event, News, Suppression
from delivery.models.suppression import SuppressionReason
from delivery.queue import Settled
from delivery.registry import SIMULATOR, TEST
from delivery.verdicts import Verdict
from notifysite.plumbing import ids
from tests.delivery.feedback.conftest import NOON, says, tried
from tests.fakes import sealing

pytestmark = pytest.mark.django_db

DEFAULT = 2
Given = Callable[..., list[UUID]]
StateOf = Callable[[UUID], Delivery]


def reported(taken: int = 0, repeated: int = 0, parked: int = 0, refused: int = 0) -> Reported:
    return Reported(taken=taken, repeated=repeated, parked=parked, refused=refused)


@pytest.fixture
def observed(settings: Any) -> Iterator[Callable[[], list[Change]]]:
    """What the observers are told of all lanes."""
    settings.DELIVERY_OBSERVERS = ["tests.fakes.sealing.observe"]
    sealing.OBSERVED.clear()

    def consume() -> list[Change]:
        for lane in announcements.waiting_lanes():
            announcements.consume(lane)
        return list(sealing.OBSERVED)

    yield consume
    sealing.OBSERVED.clear()


def test_a_receipt_is_kept_and_moves_the_delivery(given: Given, state_of: StateOf) -> None:
    (delivery,) = given()

    report = says(EventKind.DELIVERED, delivery, code="250", detail="OK", event_key="e1")
    assert feedback.report("acme", [report]) == reported(taken=1)

    row, event = state_of(delivery), Event.objects.get()
    assert (row.state, row.reason, row.due_at) == (State.DELIVERED, None, None)
    assert row.delivered_at == NOON + timedelta(seconds=60)
    assert row.sent_at == NOON + timedelta(seconds=1)
    assert (event.delivery_id, event.kind, event.provider) == (
        delivery,
        EventKind.DELIVERED,
        "acme",
    )
    assert (event.at, event.code, event.detail, event.machine) == (report.at, "250", "OK", False)
    assert ids.milliseconds(event.id) == ids.milliseconds(delivery)


def test_a_report_that_comes_again_changes_nothing(given: Given) -> None:
    (delivery,) = given()
    report = says(EventKind.DELIVERED, delivery, event_key="e1")
    feedback.report("acme", [report])
    stood = Delivery.objects.values().get()

    assert feedback.report("acme", [report, report]) == reported(repeated=2)

    assert Delivery.objects.values().get() == stood
    assert Event.objects.count() == News.objects.count() == Announcement.objects.count() == 1


def test_a_report_without_an_id_is_known_by_what_it_says(given: Given) -> None:
    (delivery,) = given()
    report = says(EventKind.CLICKED, delivery)
    feedback.report("acme", [report])

    again = [report, says(EventKind.CLICKED, delivery, after=61), says(EventKind.OPENED, delivery)]
    assert feedback.report("acme", again) == reported(taken=2, repeated=1)


def test_two_providers_may_use_one_id_for_different_reports(given: Given) -> None:
    (one,), (other,) = given(provider="acme"), given(provider="bolt")

    feedback.report("acme", [says(EventKind.DELIVERED, one, event_key="1")])
    answer = feedback.report("bolt", [says(EventKind.DELIVERED, other, event_key="1")])

    assert answer == reported(taken=1)


def test_the_key_of_a_report_fits_its_column_and_does_not_depend_on_the_zone() -> None:
    long = says(EventKind.SENT, None, event_key="x" * 201)
    east = NOON.astimezone(datetime.strptime("+0530", "%z").tzinfo)
    here = says(EventKind.SENT, None, after=0, provider_ref="r")
    there = says(EventKind.SENT, None, at=east, provider_ref="r")

    assert len(news.key("acme", long)) <= 200
    assert news.key("acme", here) == news.key("acme", there)
    assert news.key("acme", here) != news.key("bolt", here)


@pytest.mark.parametrize("state", [State.QUEUED, State.UNCERTAIN, State.DEAD, State.EXPIRED])
@pytest.mark.parametrize("kind", [EventKind.SENT, EventKind.DEFERRED])
def test_news_that_it_was_taken_ends_what_we_thought_of_it(
    given: Given, state_of: StateOf, state: State, kind: EventKind
) -> None:
    (delivery,) = given(state=state, outcome=OutcomeKind.UNKNOWN)
    Delivery.objects.update(reason=Reason.OUTCOME_UNKNOWN, due_at=datetime.now(UTC))

    feedback.report("acme", [says(kind, delivery)])

    row = state_of(delivery)
    assert (row.state, row.reason, row.due_at) == (State.SENT, None, None)
    assert (row.sent_at, row.delivered_at) == (NOON + timedelta(seconds=60), None)
    assert queue.claim(DEFAULT, token=uuid4()) == []


def test_a_claimed_retry_that_turns_out_to_be_there_is_not_sent_again(
    given: Given, state_of: StateOf
) -> None:
    (delivery,) = given(state=State.QUEUED, outcome=OutcomeKind.UNKNOWN)
    token = uuid4()
    assert len(queue.claim(DEFAULT, token=token)) == 1

    feedback.report("acme", [says(EventKind.DELIVERED, delivery)])

    assert queue.mark([(delivery, token)], provider="acme") == set()
    assert state_of(delivery).state == State.DELIVERED


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (OutcomeKind.ACCEPTED, Verdict(state=State.SENT)),
        (OutcomeKind.TRANSIENT, Verdict(state=State.QUEUED, retry_in=1.0)),
        (OutcomeKind.TRANSIENT, Verdict(state=State.DEAD, reason=Reason.RETRIES_EXHAUSTED)),
        (OutcomeKind.UNKNOWN, Verdict(state=State.QUEUED, retry_in=1.0)),
        (OutcomeKind.UNKNOWN, Verdict(state=State.UNCERTAIN, retry_in=1.0)),
    ],
)
def test_the_worker_that_settles_later_does_not_undo_news(
    queued: Given, state_of: StateOf, answer: OutcomeKind, verdict: Verdict
) -> None:
    (delivery,) = queued()
    token = uuid4()
    (row,) = queue.claim(DEFAULT, token=token)
    queue.mark([(delivery, token)], provider="acme")
    feedback.report("acme", [says(EventKind.DELIVERED, delivery)])

    outcome = Outcome(reference=delivery, kind=answer)
    queue.settle([Settled(row, token, "acme", outcome, verdict)], lane=DEFAULT)

    now = state_of(delivery)
    assert (now.state, now.reason, now.due_at, now.lease) == (State.DELIVERED, None, None, None)
    assert Attempt.objects.get().outcome == answer


def test_a_provider_that_never_had_a_message_moves_nothing(given: Given) -> None:
    (delivery,) = given(provider="acme")
    stood = Delivery.objects.values().get()

    assert feedback.report("bolt", [says(EventKind.HARD_BOUNCE, delivery)]) == reported(refused=1)

    assert Delivery.objects.values().get() == stood
    assert Event.objects.count() == News.objects.count() == Suppression.objects.count() == 0


def test_a_provider_of_an_earlier_try_is_heard(given: Given, state_of: StateOf) -> None:
    (delivery,) = given(provider="acme", state=State.QUEUED, outcome=OutcomeKind.UNKNOWN)
    Delivery.objects.update(provider="bolt")

    assert feedback.report("acme", [says(EventKind.SENT, delivery)]) == reported(taken=1)

    assert state_of(delivery).state == State.SENT


def test_a_delivery_that_was_given_to_nobody_is_no_ones_to_report(
    queued: Callable[..., list[UUID]], state_of: StateOf
) -> None:
    (delivery,) = queued()

    for alias in ("acme", ""):
        answer = feedback.report(alias, [says(EventKind.DELIVERED, delivery)])
        assert answer == reported(refused=1)

    assert state_of(delivery).state == State.QUEUED


@pytest.mark.parametrize("reference", [uuid4(), ids.uuid7()], ids=["foreign", "ours"])
def test_a_reference_nobody_knows_is_refused_even_with_an_id_that_is_known(
    given: Given, reference: UUID
) -> None:
    (delivery,) = given()

    report = says(EventKind.DELIVERED, reference, provider_ref=f"ref-{delivery}")
    assert feedback.report("acme", [report]) == reported(refused=1)


def test_a_report_that_names_nothing_is_refused(given: Given) -> None:
    given()

    assert feedback.report("acme", [says(EventKind.DELIVERED, None)]) == reported(refused=1)


def test_a_message_is_known_by_the_providers_own_id(given: Given, state_of: StateOf) -> None:
    first, second = given(2)

    report = says(EventKind.DELIVERED, None, provider_ref=f"ref-{second}")
    assert feedback.report("acme", [report]) == reported(taken=1)

    assert [state_of(one).state for one in (first, second)] == [State.SENT, State.DELIVERED]


def test_a_retry_under_the_same_id_is_still_one_message(given: Given, state_of: StateOf) -> None:
    (delivery,) = given(outcome=OutcomeKind.UNKNOWN)
    tried([delivery])

    report = says(EventKind.DELIVERED, None, provider_ref=f"ref-{delivery}")

    assert feedback.report("acme", [report]) == reported(taken=1)


def test_an_id_that_several_messages_share_names_none(given: Given) -> None:
    given(2)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE delivery_attempt SET provider_ref = 'batch'")

    report = says(EventKind.HARD_BOUNCE, None, provider_ref="batch")
    assert feedback.report("acme", [report]) == reported(refused=1)


def test_what_cannot_be_stored_is_made_to_fit(given: Given) -> None:
    (delivery,) = given()

    said = {"code": "\x00" * 90, "detail": "\ud800" * 500, "event_key": "\x00" * 300}
    feedback.report("acme", [says(EventKind.SOFT_BOUNCE, delivery, **said)])

    event = Event.objects.get()
    assert (event.code, event.detail) == ("\ufffd" * 80, "\ufffd" * 400)


@pytest.mark.parametrize(
    ("after", "kept"),
    [(-3600, timedelta()), (60, timedelta(seconds=60))],
    ids=["before it was made", "later"],
)
def test_a_clock_that_is_slow_makes_nothing_older_than_the_delivery(
    given: Given, after: float, kept: timedelta
) -> None:
    (delivery,) = given()

    feedback.report("acme", [says(EventKind.DELIVERED, delivery, after=after)])

    assert Event.objects.get().at == NOON + kept


def test_a_clock_that_is_fast_makes_nothing_happen_in_the_future(
    given: Given, state_of: StateOf
) -> None:
    (delivery,) = given()

    tomorrow = datetime.now(UTC) + timedelta(days=1)
    feedback.report("acme", [says(EventKind.DELIVERED, delivery, at=tomorrow)])

    at = state_of(delivery).delivered_at
    assert at is not None
    assert at < tomorrow


def test_nothing_arrives_before_it_was_sent(given: Given, state_of: StateOf) -> None:
    (delivery,) = given()

    feedback.report("acme", [says(EventKind.DELIVERED, delivery, after=0)])

    row = state_of(delivery)
    assert row.delivered_at == row.sent_at == NOON + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("kinds", "reason"),
    [
        ([EventKind.HARD_BOUNCE], SuppressionReason.HARD_BOUNCE),
        ([EventKind.COMPLAINT], SuppressionReason.COMPLAINT),
        ([EventKind.HARD_BOUNCE, EventKind.COMPLAINT], SuppressionReason.COMPLAINT),
        ([EventKind.COMPLAINT, EventKind.HARD_BOUNCE], SuppressionReason.COMPLAINT),
        ([EventKind.OPTED_OUT], SuppressionReason.STOP),
        ([EventKind.OPTED_OUT, EventKind.COMPLAINT], SuppressionReason.STOP),
        ([EventKind.COMPLAINT, EventKind.OPTED_OUT], SuppressionReason.STOP),
        ([EventKind.HARD_BOUNCE, EventKind.OPTED_OUT], SuppressionReason.STOP),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_an_address_that_is_dead_or_complains_is_suppressed(
    given: Given, kinds: list[EventKind], reason: SuppressionReason, at_once: bool
) -> None:
    (delivery,) = given()

    reports = [says(kind, delivery) for kind in kinds]
    for batch in [reports] if at_once else [[report] for report in reports]:
        feedback.report("acme", batch)

    row, dead = Delivery.objects.get(), Suppression.objects.get()
    assert (dead.channel, bytes(dead.address_hash)) == (row.channel, bytes(row.address_hash or b""))
    assert (dead.reason, dead.source, dead.expires_at) == (reason, "provider:acme", None)


def test_no_other_news_suppresses_an_address(given: Given) -> None:
    (delivery,) = given()

    others = sorted(set(EventKind) - SUPPRESSING)
    feedback.report("acme", [says(kind, delivery) for kind in others])

    assert not Suppression.objects.exists()


@pytest.mark.parametrize(
    ("there", "kind", "stays"),
    [
        (SuppressionReason.STOP, EventKind.COMPLAINT, True),
        (SuppressionReason.MANUAL, EventKind.HARD_BOUNCE, True),
        (SuppressionReason.MANUAL, EventKind.COMPLAINT, False),
        (SuppressionReason.DEAD_TOKEN, EventKind.COMPLAINT, False),
    ],
)
def test_a_complaint_says_more_than_all_but_a_stop(
    given: Given, there: SuppressionReason, kind: EventKind, stays: bool
) -> None:
    (delivery,) = given()
    row = Delivery.objects.get()
    Suppression.objects.create(
        channel=row.channel, address_hash=row.address_hash, reason=there, source="before", note="n"
    )

    feedback.report("acme", [says(kind, delivery)])

    kept = Suppression.objects.get()
    expected = (there, "before") if stays else (SuppressionReason.COMPLAINT, "provider:acme")
    assert (kept.reason, kept.source, kept.note) == (*expected, "n")


def test_a_suppression_for_a_time_holds_for_good_once_the_address_bounced(given: Given) -> None:
    (delivery,) = given()
    row = Delivery.objects.get()
    Suppression.objects.create(
        channel=row.channel,
        address_hash=row.address_hash,
        reason=SuppressionReason.MANUAL,
        expires_at=NOON,
    )

    feedback.report("acme", [says(EventKind.HARD_BOUNCE, delivery)])

    kept = Suppression.objects.get()
    assert (kept.reason, kept.expires_at) == (SuppressionReason.HARD_BOUNCE, None)


@pytest.mark.parametrize("alias", ["test", "sandbox"])
def test_a_bounce_that_was_only_simulated_kills_no_address(
    given: Given, state_of: StateOf, alias: str
) -> None:
    (delivery,) = given(provider=alias)

    feedback.report(alias, [says(EventKind.HARD_BOUNCE, delivery)])

    assert state_of(delivery).state == State.BOUNCED
    assert not Suppression.objects.exists()


def test_opens_and_clicks_keep_their_first_time_and_move_no_state(
    given: Given, state_of: StateOf
) -> None:
    (delivery,) = given()

    feedback.report("acme", [says(EventKind.OPENED, delivery, after=s) for s in (90, 80)])
    feedback.report("acme", [says(EventKind.OPENED, delivery, after=70)])
    feedback.report("acme", [says(EventKind.CLICKED, delivery, after=95)])

    kept = Engagement.objects.get()
    assert (kept.id, kept.notification_id) == (delivery, state_of(delivery).notification_id)
    assert kept.opened_at == NOON + timedelta(seconds=70)
    assert kept.clicked_at == kept.seen_at == NOON + timedelta(seconds=95)
    assert state_of(delivery).state == State.SENT


def test_what_machines_do_is_kept_apart(given: Given, observed: Callable[[], list[Change]]) -> None:
    (delivery,) = given()

    kinds = (EventKind.OPENED, EventKind.CLICKED, EventKind.READ)
    feedback.report("acme", [says(kind, delivery, machine=True) for kind in kinds])

    kept = Engagement.objects.get()
    assert kept.machine_opened_at == kept.machine_clicked_at == NOON + timedelta(seconds=60)
    assert (kept.opened_at, kept.clicked_at, kept.seen_at, kept.read_at) == (None,) * 4
    assert observed() == []
    assert list(Event.objects.values_list("machine", flat=True)) == [True] * 3


def test_the_first_time_a_person_does_something_is_told_once(
    given: Given, observed: Callable[[], list[Change]]
) -> None:
    (delivery,) = given()

    feedback.report("acme", [says(EventKind.OPENED, delivery, after=80)])
    feedback.report("acme", [says(EventKind.OPENED, delivery, after=90)])

    (told,) = observed()
    assert (told.delivery_id, told.state, told.seen) == (delivery, State.SENT, True)


def test_a_change_of_state_is_told_in_its_lane(
    given: Given, observed: Callable[[], list[Change]]
) -> None:
    (first,), (second,) = given(lane=1), given(lane=3, state=State.UNCERTAIN, outcome=None)

    feedback.report("acme", [says(EventKind.DELIVERED, one) for one in (first, second)])

    assert sorted(announcements.waiting_lanes()) == [1, 3]
    told = {change.delivery_id: change for change in observed()}
    assert {id_: State(change.state) for id_, change in told.items()} == {
        first: State.DELIVERED,
        second: State.DELIVERED,
    }
    # When it was sent was told when it was settled; of the uncertain one nobody had said it.
    assert (told[first].queued_seconds, told[second].queued_seconds) == (None, 60.0)
    assert {change.seen for change in told.values()} == {False}


def test_news_that_changes_no_state_is_not_told(
    given: Given, observed: Callable[[], list[Change]]
) -> None:
    (delivery,) = given()

    kinds = (EventKind.SENT, EventKind.DEFERRED)
    feedback.report("acme", [says(kind, delivery) for kind in kinds])

    assert Event.objects.count() == 2
    assert observed() == []


@pytest.mark.parametrize("kind", [EventKind.UNSUBSCRIBED, EventKind.COMPLAINT])
def test_who_stops_it_at_the_provider_is_told_once(
    given: Given, observed: Callable[[], list[Change]], kind: EventKind
) -> None:
    (delivery,) = given()

    for _ in range(3):
        feedback.report("acme", [says(kind, delivery, event_key="one")])

    (told,) = [change for change in observed() if change.stopped]
    assert (told.delivery_id, told.provider, told.moved) == (delivery, "acme", False)


def test_who_stops_what_is_about_to_be_tried_again_is_heard(
    given: Given, observed: Callable[[], list[Change]]
) -> None:
    (delivery,) = given(state=State.QUEUED, outcome=OutcomeKind.UNKNOWN)

    feedback.report("acme", [says(EventKind.UNSUBSCRIBED, delivery)])

    assert [change.stopped for change in observed()] == [True]


@pytest.mark.parametrize("alias", [SIMULATOR, TEST])
def test_nobody_stops_what_was_only_simulated(
    given: Given, observed: Callable[[], list[Change]], alias: str
) -> None:
    (delivery,) = given(provider=alias)

    feedback.report(alias, [says(EventKind.COMPLAINT, delivery)])

    assert [change.stopped for change in observed()] == [False]


@pytest.mark.parametrize("by", ["reference", "provider_ref"])
def test_a_batch_costs_as_many_statements_as_one_report(given: Given, by: str) -> None:
    kinds = (EventKind.DELIVERED, EventKind.OPENED, EventKind.COMPLAINT)

    def cost(deliveries: list[UUID]) -> int:
        reports = [
            says(
                kind,
                delivery if by == "reference" else None,
                provider_ref=f"ref-{delivery}",
            )
            for delivery in deliveries
            for kind in kinds
        ]
        with CaptureQueriesContext(connection) as queries:
            assert feedback.report("acme", reports).taken == len(reports)
        return len(queries)

    assert cost(given(1)) == cost(given(166)) <= 13


def test_all_of_a_batch_is_taken_or_nothing(given: Given) -> None:
    (delivery,) = given()
    report = says(EventKind.COMPLAINT, delivery)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE suppression ADD CONSTRAINT no CHECK (reason <> 2)")

    with pytest.raises(IntegrityError):
        feedback.report("acme", [report])

    assert News.objects.count() == Event.objects.count() == 0
    assert Delivery.objects.get().state == State.SENT
