"""What every provider promises that is configured or offered, whatever it talks to."""

import gzip
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from django.conf import settings as configured

from delivery import registry, trial
from delivery.contracts import Message, Outcome, Provider
from delivery.lifecycle import OutcomeKind
from delivery.models import Attempt
from delivery.providers import crew
from notifysite.settings.offers import OFFERS
from tests.delivery.providers.stages import ALSO, STAGES, Day, HttpStage, Stage
from tests.fakes.service import DROP, GARBAGE, Reply

BACKENDS = {alias: entry["BACKEND"] for alias, entry in configured.DELIVERY_PROVIDERS.items()}
BACKENDS |= {offer.alias: offer.backend for offer in OFFERS}
# By alias, and for one that speaks to several services by "alias service" too.
STAGED = {alias: STAGES[backend] for alias, backend in BACKENDS.items() if backend in STAGES} | {
    f"{alias} {service}": stage
    for alias, backend in BACKENDS.items()
    for service, stage in ALSO.get(backend, {}).items()
}


def marks(alias: str) -> list[pytest.MarkDecorator]:
    """Without the mark any query fails the test."""
    return [pytest.mark.django_db] if STAGED[alias].database else []


ALIASES = [pytest.param(alias, marks=marks(alias), id=alias) for alias in STAGED]
DAYS = [
    pytest.param(alias, day, marks=marks(alias), id=f"{alias}-{day.name.lower()}")
    for alias, stage in STAGED.items()
    for day in Day
    if day in stage.days
]

OVER_HTTP = [
    pytest.param(alias, id=alias) for alias, stage in STAGED.items() if issubclass(stage, HttpStage)
]

BOMB = gzip.compress(bytes(64 * 2**20))
LOST = {OutcomeKind.UNKNOWN}
REDIRECT = Reply(307, headers={"Location": "http://169.254.169.254/latest"})
# What a service may answer by mistake, and whether its message may have been taken.
ROUGH = {
    "garbage": (GARBAGE, LOST),
    "nothing": (DROP, LOST),
    "a break in the middle": (Reply(200, b'{"id": "7', cut=5), LOST | Day.ACCEPTED.value),
    "a page": (Reply(200, b"<html>Welcome</html>"), LOST | Day.ACCEPTED.value),
    "too much": (Reply(200, b"x" * 2_000_000), LOST | Day.ACCEPTED.value),
    "a list": (Reply(200, b"[" * 50_000), LOST | Day.ACCEPTED.value),
    "no gzip": (Reply(200, b"\x1f\x8b", {"Content-Encoding": "gzip"}), LOST | Day.ACCEPTED.value),
    "a bomb": (Reply(200, BOMB, {"Content-Encoding": "gzip"}), LOST | Day.ACCEPTED.value),
    "another place": (REDIRECT, {OutcomeKind.ACCOUNT, OutcomeKind.TRANSIENT}),
    "an error nobody documented": (Reply(599, b"\xff\xfe"), {OutcomeKind.TRANSIENT}),
}


@pytest.fixture
def alias(request) -> str:
    return request.param.split()[0]


@pytest.fixture
def stage(alias, request, settings) -> Iterator[Stage]:
    with ExitStack() as closing:
        yield STAGED[request.node.callspec.params["alias"]](request, settings, closing)


@pytest.fixture
def provider(alias, stage) -> Iterator[Provider]:
    registry.reset()
    built = registry.get(alias)
    yield built
    close = getattr(built, "close", None)
    if close:
        close()
    registry.reset()


def send(provider: Provider, messages: list[Message]) -> dict[str, Outcome]:
    """The outcomes by reference; there is one for each message."""
    outcomes = list(provider.send(messages))
    assert sorted(each.reference for each in outcomes) == sorted(m.reference for m in messages)
    return {each.reference: each for each in outcomes}


def test_every_provider_has_a_stage() -> None:
    assert {backend for backend in BACKENDS.values() if backend not in STAGES} == set()


@pytest.mark.parametrize("alias", ALIASES, indirect=True)
def test_it_knows_its_alias_and_how_many_go_out_together(provider, alias) -> None:
    assert provider.alias == alias
    assert provider.flight >= 1


@pytest.mark.parametrize("alias", ALIASES, indirect=True)
def test_nothing_handed_over_is_nothing_answered(provider) -> None:
    assert list(provider.send([])) == []


@pytest.mark.parametrize(("alias", "day"), DAYS, indirect=["alias"])
def test_every_day_is_answered_by_what_to_do_next(provider, stage, day) -> None:
    message = stage.arrange(day)
    outcome = send(provider, [message])[message.reference]
    assert outcome.kind in day.value


@pytest.mark.parametrize(("alias", "day"), DAYS, indirect=["alias"])
def test_a_bad_day_of_one_message_is_no_other_s(provider, stage, day) -> None:
    odd = stage.arrange(day)
    assert send(provider, [odd])[odd.reference].kind in day.value
    others = [stage.arrange(Day.ACCEPTED) for _ in range(3)]
    assert {each.kind for each in send(provider, others).values()} <= Day.ACCEPTED.value


@pytest.mark.parametrize(("alias", "day"), DAYS, indirect=["alias"])
def test_one_bad_message_does_not_sink_its_flight(provider, stage, day) -> None:
    flight = [stage.arrange(day), *(stage.arrange(Day.ACCEPTED) for _ in range(3))]
    kinds = [outcome.kind for outcome in send(provider, flight).values()]
    # A server is told what to do at the next message, whichever of the flight that is.
    assert sum(kind in Day.ACCEPTED.value for kind in kinds) >= 3
    assert any(kind in day.value for kind in kinds)


@pytest.mark.parametrize(("alias", "day"), DAYS, indirect=["alias"])
def test_an_outcome_fits_its_row_and_names_nobody(provider, stage, day) -> None:
    message = stage.arrange(day)
    outcome = send(provider, [message])[message.reference]
    for field, words in (
        ("code", outcome.code),
        ("detail", outcome.detail),
        ("provider_ref", outcome.provider_ref),
    ):
        assert len(words) <= Attempt._meta.get_field(field).max_length
        assert not message.address or message.address not in words
    assert outcome.took >= 0.0


@pytest.mark.parametrize("alias", ALIASES, indirect=True)
def test_whoever_listens_to_one_outcome_only_may_do_so(provider, stage, alias, monkeypatch) -> None:
    monkeypatch.setattr(crew, "PARKED_SECONDS", 0.0)  # threads that have nothing to do end at once
    outcomes = provider.send([stage.arrange(Day.ACCEPTED) for _ in range(3)])
    assert next(outcomes).kind in Day.ACCEPTED.value
    outcomes.close()
    # It left threads at work; what they hold is closed after them.
    for thread in threading.enumerate():
        if thread.name == f"provider-{alias}":
            thread.join()


@pytest.mark.parametrize("rough", ROUGH)
@pytest.mark.parametrize("alias", OVER_HTTP, indirect=True)
def test_a_service_that_misbehaves_sinks_nothing(provider, stage, rough) -> None:
    answer, kinds = ROUGH[rough]
    stage.service.on_call(answer)
    message = stage.message()
    assert send(provider, [message])[message.reference].kind in kinds
    after = stage.message()
    assert send(provider, [after])[after.reference].kind in Day.ACCEPTED.value


@pytest.mark.parametrize("rough", ["too much", "a bomb"])
@pytest.mark.parametrize("alias", OVER_HTTP, indirect=True)
def test_no_answer_fills_the_memory(provider, stage, rough) -> None:
    send(provider, [stage.message()])  # so that all is there which takes memory once
    stage.service.on_call(ROUGH[rough][0])
    tracemalloc.start()
    try:
        send(provider, [stage.message()])
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("alias", OVER_HTTP, indirect=True)
def test_a_service_says_how_long_it_wants_to_be_left_alone(provider, stage) -> None:
    stage.service.on_call(Reply(429, headers={"Retry-After": "30"}))
    message = stage.message()
    outcome = send(provider, [message])[message.reference]
    assert (outcome.kind, outcome.retry_after) == (OutcomeKind.TRANSIENT, 30.0)


@pytest.mark.parametrize("alias", OVER_HTTP, indirect=True)
def test_a_service_that_is_not_there_is_asked_later(provider, stage) -> None:
    message = stage.message()
    stage.service.close()
    assert send(provider, [message])[message.reference].kind is OutcomeKind.TRANSIENT


@pytest.mark.parametrize(("alias", "day"), DAYS, indirect=["alias"])
def test_no_secret_is_told(provider, stage, day, alias, caplog) -> None:
    message = stage.arrange(day)
    outcome = send(provider, [message])[message.reference]
    shown = trial.options_of(alias)
    told = f"{outcome!r} {provider!r} {message!r} {shown} {caplog.text}"
    assert [secret for secret in getattr(stage, "secrets", ()) if secret in told] == []
