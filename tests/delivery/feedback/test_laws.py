"""News in any order, in any batches and however often: the rows end where the pure law says."""

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from datetime import timedelta
from functools import reduce
from typing import Any
from uuid import UUID

import hypothesis
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from delivery import feedback
from delivery.contracts import Report
from delivery.lifecycle import (
    NEWS,
    SUPPRESSING,
    EventKind,
    OutcomeKind,
    Reason,
    Standing,
    State,
    join,
)
from delivery.models import Delivery, Engagement, Event, News, Suppression
from delivery.models.suppression import SuppressionReason
from notifysite.plumbing import ids
from tests.delivery.feedback.conftest import NOON, says

pytestmark = pytest.mark.django_db

Given = Callable[..., list[UUID]]

AROUND = (
    EventKind.SENT,
    EventKind.DEFERRED,
    EventKind.DELIVERED,
    EventKind.OPENED,
    EventKind.HARD_BOUNCE,
    EventKind.COMPLAINT,
)
ORDERS = list(itertools.permutations(AROUND))


def told(delivery: UUID, kind: EventKind) -> Report:
    """Each kind happens at a time of its own, whenever it is told."""
    return says(kind, delivery, after=60.0 + kind)


def ends() -> Counter[tuple[Any, ...]]:
    """How the deliveries stand, and how many stand so."""
    columns = ("state", "reason", "due_at", "sent_at", "delivered_at", "lease", "attempts")
    return Counter(Delivery.objects.values_list(*columns))


@pytest.mark.parametrize(
    ("state", "outcome", "sent_after"),
    [
        (State.SENT, OutcomeKind.ACCEPTED, 1),
        (State.QUEUED, OutcomeKind.UNKNOWN, 60 + EventKind.SENT),
    ],
    ids=["sent", "waiting to be sent again"],
)
def test_every_order_of_a_messages_news_gives_one_end_and_one_suppression(
    given: Given, state: State, outcome: OutcomeKind, sent_after: int
) -> None:
    deliveries = given(len(ORDERS), state=state, outcome=outcome)

    for place in range(len(AROUND)):
        round_ = [told(one, order[place]) for one, order in zip(deliveries, ORDERS, strict=True)]
        assert feedback.report("acme", round_).taken == 720

    sent_at = NOON + timedelta(seconds=sent_after)
    delivered_at = NOON + timedelta(seconds=60 + EventKind.DELIVERED)
    assert ends() == {(State.COMPLAINED, None, None, sent_at, delivered_at, None, 0): 720}
    assert Suppression.objects.filter(reason=SuppressionReason.COMPLAINT).count() == 720
    assert Suppression.objects.count() == 720
    opened = set(Engagement.objects.values_list("opened_at", "seen_at"))
    assert opened == {(NOON + timedelta(seconds=60 + EventKind.OPENED), None)}
    assert Event.objects.count() == News.objects.count() == 720 * len(AROUND)


def test_every_order_within_one_batch_gives_the_same_end(given: Given) -> None:
    deliveries = given(len(ORDERS))

    reports = [
        told(one, kind) for one, order in zip(deliveries, ORDERS, strict=True) for kind in order
    ]
    feedback.report("acme", reports)

    assert [row[0] for row in ends()] == [State.COMPLAINED]
    assert Suppression.objects.count() == 720


def in_order(reports: Iterable[Report]) -> dict[UUID, Standing]:
    """Where sent deliveries stand once all of this was told as it happened."""
    standings: dict[UUID, Standing] = {}
    for report in sorted(reports, key=lambda report: report.at):
        assert report.reference
        before = standings.get(report.reference, Standing(State.SENT))
        standings[report.reference] = join(before, NEWS.get(report.kind, before))
    return standings


def standings() -> dict[UUID, Standing]:
    """Where all deliveries stand."""
    rows = Delivery.objects.values_list("id", "state", "reason")
    return {id_: Standing(State(state), reason and Reason(reason)) for id_, state, reason in rows}


def take(told: Sequence[tuple[str, Report]], *, size: int) -> Counter[str]:
    """Let providers report in batches; returns what became of all."""
    answers: Counter[str] = Counter()
    for batch in (told[n : n + size] for n in range(0, len(told), size)):
        for alias in {alias for alias, _ in batch}:
            answer = feedback.report(alias, [one for by, one in batch if by == alias])
            answers.update(asdict(answer))
    return answers


def test_a_flood_out_of_order_ends_as_news_in_order_would(given: Given) -> None:
    """5,000 reports, thrice and shuffled, some by a provider that never had the message, some
    about messages nobody knows."""
    luck, kinds = random.Random(21), list(EventKind)
    deliveries = given(1_000)
    true = [
        says(luck.choice(kinds), one, after=luck.uniform(2, 9_000), event_key=f"e{n}")
        for n, one in enumerate(deliveries * 5)
    ]
    forged = [says(EventKind.COMPLAINT, one, event_key=f"f{one}") for one in deliveries[:250]]
    unknown = [says(EventKind.COMPLAINT, ids.uuid7(), event_key=f"u{n}") for n in range(50)]
    flood = [("acme", report) for report in [*true * 3, *unknown]]
    flood += [("bolt", report) for report in forged]
    luck.shuffle(flood)

    answers = take(flood, size=500)

    assert standings() == in_order(true)
    assert answers == {"taken": 5_000, "repeated": 10_000, "parked": 0, "refused": 300}
    assert Event.objects.count() == News.objects.count() == 5_000
    bounced = {report.reference for report in true if report.kind in SUPPRESSING}
    assert Suppression.objects.count() == len(bounced)


BATCHES = st.lists(st.lists(st.sampled_from(EventKind), max_size=4), max_size=4)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@hypothesis.given(
    state=st.sampled_from(State), reason=st.sampled_from((None, *Reason)), batches=BATCHES
)
def test_the_database_follows_the_law(
    given: Given, state: State, reason: Reason | None, batches: list[list[EventKind]]
) -> None:
    (delivery,) = given(outcome=None)
    Delivery.objects.filter(id=delivery).update(state=state, reason=reason, due_at=NOON)

    for n, batch in enumerate(batches):
        keys = [f"{delivery}.{n}.{m}" for m in range(len(batch))]
        feedback.report(
            "acme",
            [says(kind, delivery, event_key=key) for kind, key in zip(batch, keys, strict=True)],
        )

    news = [NEWS[kind] for kind in itertools.chain(*batches) if kind in NEWS]
    row = Delivery.objects.get(id=delivery)
    assert (row.state, row.reason) == reduce(join, news, Standing(state, reason))
    assert row.due_at is None or row.state == state
