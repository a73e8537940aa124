"""Providers that tell the same over several connections at once."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from django.db import connection

from delivery import feedback
from delivery.contracts import Report
from delivery.feedback import Reported
from delivery.lifecycle import EventKind, State
from delivery.models import Delivery, Engagement, Event, News, Suppression
from tests.delivery.feedback.conftest import says

pytestmark = pytest.mark.django_db(transaction=True)

TELLERS = 4
KINDS = (EventKind.DELIVERED, EventKind.CLICKED, EventKind.HARD_BOUNCE, EventKind.COMPLAINT)


def test_what_is_told_at_once_is_taken_once_and_nobody_waits_in_a_circle(
    given: Callable[..., list[UUID]],
) -> None:
    deliveries = given(30)
    reports = [says(kind, one) for one in deliveries for kind in KINDS]

    with ThreadPoolExecutor(TELLERS) as pool:
        answers = list(pool.map(tell, [reports] * TELLERS, range(TELLERS)))

    assert sum(answer.taken for answer in answers) == len(reports)
    assert sum(answer.repeated for answer in answers) == len(reports) * (TELLERS - 1)
    assert Event.objects.count() == News.objects.count() == len(reports)
    assert Suppression.objects.count() == Engagement.objects.count() == len(deliveries)
    assert set(Delivery.objects.values_list("state", flat=True)) == {State.COMPLAINED}


def tell(reports: list[Report], seed: int) -> Reported:
    """Report everything in an order and in batches of one's own."""
    mine = random.Random(seed).sample(reports, len(reports))
    try:
        answers = [feedback.report("acme", mine[n : n + 7]) for n in range(0, len(mine), 7)]
    finally:
        connection.close()
    return Reported(
        taken=sum(answer.taken for answer in answers),
        repeated=sum(answer.repeated for answer in answers),
        parked=0,
        refused=0,
    )
