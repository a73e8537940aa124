"""A flood of news at a hook: repeated, out of order, with forgeries and strangers among it."""

import random
import time
from collections.abc import Callable, Iterator
from functools import reduce
from statistics import quantiles
from uuid import UUID

import pytest
from django.test import Client

from delivery.lifecycle import SUPPRESSING, EventKind, State, fold
from delivery.models import Delivery, Event, HookCount, Suppression
from notifysite.plumbing.ids import uuid7
from tests.delivery.hooks.callers import Caller, Posted, Told
from tests.delivery.hooks.callers.resend import ResendCaller
from tests.delivery.hooks.callers.sendgrid import SendGridCaller

pytestmark = pytest.mark.django_db
EACH = 5  # pieces of news of a delivery
SLOWEST = 0.5  # seconds; of a hundred calls one may take longer


@pytest.fixture(params=[ResendCaller, SendGridCaller], ids=lambda caller: caller.alias)
def caller(request, settings) -> Iterator[Caller]:
    with request.param() as made:
        made.configure(settings)
        yield made


def post(caller: Caller, posted: Posted) -> float:
    """Post a call; how many seconds the answer took."""
    began = time.monotonic()
    Client().generic(
        "POST",
        f"/hooks/{caller.alias}/",
        posted.body,
        posted.content_type,
        headers=dict(posted.headers),
    )
    return time.monotonic() - began


def flood(
    caller: Caller, given: Callable[..., list[UUID]], events: int
) -> tuple[dict[UUID, list[EventKind]], list[float]]:
    """Each piece of news thrice, shuffled, 5 % forged besides and 1 % about what is not ours.

    Returns what is true of each delivery, and how long each call took.
    """
    luck, kinds = random.Random(21), sorted(caller.kinds)
    deliveries = given(events // EACH, provider=caller.alias)
    true = {id_: [luck.choice(kinds) for _ in range(EACH)] for id_ in deliveries}
    calls = [
        caller.call(Told(kind=kind, reference=id_, ref=f"ref-{id_}", key=f"{id_}-{number}"))
        for id_, told in true.items()
        for number, kind in enumerate(told)
    ]
    worst = [
        caller.call(Told(kind=EventKind.HARD_BOUNCE, reference=id_, ref="x", key=f"forged-{id_}"))
        for id_ in luck.choices(deliveries, k=events // 20)
    ]
    strangers = [
        caller.call(Told(kind=EventKind.HARD_BOUNCE, reference=uuid7(), ref="x", key=f"u{number}"))
        for number in range(events // 100)
    ]
    forged = [luck.choice(caller.forged(each)) for each in worst]
    said = [*calls * 3, *forged, *strangers]
    luck.shuffle(said)
    return true, [post(caller, each) for each in said]


def check(caller: Caller, given: Callable[..., list[UUID]], events: int) -> list[float]:
    """All of it ends as in order; how long each call took."""
    true, took = flood(caller, given, events)

    ended = {id_: State(state) for id_, state in Delivery.objects.values_list("id", "state")}
    assert ended == {id_: reduce(fold, told, State.SENT) for id_, told in true.items()}
    assert Event.objects.count() == events
    counted = dict(HookCount.objects.values_list("verdict", "calls"))
    assert counted == {
        "heard": events * 3 + events // 100,
        "taken": events,
        "known": events * 2,
        "unknown": events // 100,
        "forged": events // 20,
    }
    stopped = [id_ for id_, told in true.items() if SUPPRESSING & set(told)]
    assert Suppression.objects.count() == len(stopped)
    return took


def test_a_flood_ends_as_news_in_order_would(caller, given) -> None:
    check(caller, given, 200)


@pytest.mark.chaos
def test_a_great_flood_ends_so_too_and_nobody_waits(caller, given) -> None:
    took = check(caller, given, 5_000)
    assert quantiles(took, n=100)[98] <= SLOWEST
