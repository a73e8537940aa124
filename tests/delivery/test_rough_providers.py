"""Providers, routes and seals that break their word: no message is copied or held up by another."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from delivery import dispatch, routing
from delivery.contracts import Message, Outcome, Parcel, Sealed
from delivery.lifecycle import OutcomeKind, Reason, State, Uncertain
from delivery.models import Attempt, Delivery, Route
from notifysite.plumbing import ids
from tests.fakes import rough, sealing
from tests.fakes.scripted import Ledger

pytestmark = pytest.mark.django_db

DEFAULT = 2
SMS = 2
Queued = Callable[..., list[UUID]]


def accepted(message: Message, **said: Any) -> Outcome:
    return Outcome(reference=message.reference, kind=OutcomeKind.ACCEPTED, **said)


@pytest.fixture
def answering(provider: Ledger, settings: Any) -> Iterator[Callable[..., None]]:
    """Arrange what the only email provider answers, and the flight it says it takes."""

    def arrange(answers: rough.Answers, *, flight: Any = 5) -> None:
        settings.DELIVERY_PROVIDERS = {
            "rough": {
                "BACKEND": "tests.fakes.rough.Rough",
                "CHANNELS": ["email"],
                "OPTIONS": {"flight": flight},
            }
        }
        settings.DELIVERY_ROUTES = {"email": ["rough"]}
        rough.ANSWERS["rough"] = answers
        routing.forget()

    yield arrange
    rough.ANSWERS.clear()


def states() -> list[State]:
    return sorted(State(state) for state in Delivery.objects.values_list("state", flat=True))


@pytest.mark.parametrize(
    "said",
    [
        {"code": "250\x00", "detail": "ok \x00", "provider_ref": "a\x00b"},
        {"code": "\ud800", "detail": "\udcff", "provider_ref": "\udcff"},
        {"took": float("nan")},
        {"took": float("inf")},
        {"took": 1e12},
        {"took": -1.0},
        {"code": None, "detail": None, "provider_ref": None},
        {"detail": b"bytes"},
    ],
    ids=["nul", "surrogate", "nan", "inf", "ages", "negative", "none", "bytes"],
)
def test_what_a_provider_took_is_sent_however_strangely_it_says_so(
    answering: Any, queued: Queued, said: dict[str, Any]
) -> None:
    queued(2)
    answering(lambda messages: [accepted(messages[0], **said), accepted(messages[1])])
    dispatch.dispatch_due(DEFAULT)

    assert states() == [State.SENT, State.SENT]
    assert Attempt.objects.count() == 2


def test_an_outcome_told_twice_counts_once(answering: Any, queued: Queued) -> None:
    queued(2)
    answering(lambda messages: [accepted(one) for one in [*messages, *messages]])
    dispatch.dispatch_due(DEFAULT)

    assert states() == [State.SENT, State.SENT]
    assert Attempt.objects.count() == 2


def test_an_outcome_of_a_stranger_moves_nothing(answering: Any, queued: Queued) -> None:
    (bystander,) = queued(lane=3)
    queued()
    answering(
        lambda messages: [
            replace(accepted(messages[0]), reference=bystander),
            replace(accepted(messages[0]), reference=ids.uuid7()),
            accepted(messages[0]),
        ]
    )
    dispatch.dispatch_due(DEFAULT)

    assert states() == [State.QUEUED, State.SENT]


def test_an_answer_that_is_none_leaves_only_the_unanswered_uncertain(
    answering: Any, queued: Queued
) -> None:
    queued(2, uncertain=Uncertain.WAIT)
    answering(lambda messages: [accepted(messages[0]), "sent, trust me", accepted(messages[1])])
    dispatch.dispatch_due(DEFAULT)

    assert states() == [State.SENT, State.SENT]


@pytest.mark.parametrize("raises", [True, False], ids=["raises", "says_nothing"])
def test_a_provider_that_answers_nothing_leaves_its_flight_uncertain(
    answering: Any, queued: Queued, raises: bool
) -> None:
    def answers(messages: Sequence[Message]) -> list[Outcome]:
        if raises:
            raise RuntimeError("broken")
        return []

    queued(2, uncertain=Uncertain.WAIT)
    answering(answers)
    dispatch.dispatch_due(DEFAULT)

    assert states() == [State.UNCERTAIN, State.UNCERTAIN]


@pytest.mark.parametrize("flight", [0, -1, None])
def test_a_flight_is_at_least_one_message(answering: Any, queued: Queued, flight: Any) -> None:
    flights: list[int] = []

    def answers(messages: Sequence[Message]) -> list[Outcome]:
        flights.append(len(messages))
        return [accepted(one) for one in messages]

    queued(3)
    answering(answers, flight=flight)
    dispatch.dispatch_due(DEFAULT)

    assert states() == [State.SENT] * 3
    assert flights == [1, 1, 1]


def test_a_provider_that_cannot_be_built_holds_up_only_its_own_and_costs_no_try(
    provider: Ledger, queued: Queued, settings: Any
) -> None:
    settings.DELIVERY_PROVIDERS = {
        "lost": {"BACKEND": "tests.fakes.nowhere.Nobody", "CHANNELS": ["email"]},
        **settings.DELIVERY_PROVIDERS,
    }
    settings.DELIVERY_ROUTES = {"email": ["lost"], "sms": ["scripted"]}
    (mail,) = queued()
    (text,) = queued(channel=SMS)
    dispatch.dispatch_due(DEFAULT)

    assert Delivery.objects.get(id=text).state == State.SENT
    row = Delivery.objects.get(id=mail)
    assert (row.state, row.attempts, row.unknowns) == (State.QUEUED, 0, 0)
    assert Attempt.objects.get(delivery_id=mail).code == "misconfigured"


def test_a_route_to_a_provider_that_is_gone_is_no_route(
    provider: Ledger, queued: Queued, settings: Any
) -> None:
    Route.objects.create(channel=1, provider="removed", position=1)
    Route.objects.create(channel=1, provider="scripted", position=2)
    Route.objects.create(channel=SMS, provider="removed", position=1)
    routing.forget()
    (mail,) = queued()
    (text,) = queued(channel=SMS)
    dispatch.dispatch_due(DEFAULT)

    assert Delivery.objects.get(id=mail).state == State.SENT
    row = Delivery.objects.get(id=text)
    assert (row.state, row.reason) == (State.FAILED, Reason.NO_PROVIDER)


def test_a_seal_that_breaks_over_one_message_costs_the_others_nothing(
    provider: Ledger, queued: Queued, settings: Any
) -> None:
    """What was never handed over is no uncertain message, not even where copies are forbidden."""
    settings.DELIVERY_SEAL = f"{__name__}.breaking_seal"
    bad, *good = queued(3)
    BREAKS_OVER.add(bad)
    (alone,) = queued(uncertain=Uncertain.STOP)
    BREAKS_OVER.add(alone)
    try:
        dispatch.dispatch_due(DEFAULT)
    finally:
        BREAKS_OVER.clear()

    assert set(Delivery.objects.filter(id__in=good).values_list("state", flat=True)) == {State.SENT}
    for broken in (bad, alone):
        row = Delivery.objects.get(id=broken)
        assert (row.state, row.unknowns, row.attempts) == (State.QUEUED, 0, 1)
        assert Attempt.objects.get(delivery_id=broken).code == "not_sealed"
    assert len(provider.taken) == 2


BREAKS_OVER: set[UUID] = set()


def breaking_seal(parcels: Sequence[Parcel]) -> dict[UUID, Sealed]:
    """The plain seal, save for some messages."""
    if BREAKS_OVER & {parcel.id for parcel in parcels}:
        raise LookupError("not foreseen")
    return sealing.seal(parcels)
