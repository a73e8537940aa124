"""Resend folds copies by our delivery's id."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from delivery import registry
from delivery.lifecycle import OutcomeKind
from delivery.providers.email.services import Resend
from tests.delivery.providers.messages import message, one, saying
from tests.fakes.mail import resend
from tests.fakes.service import DROP


@pytest.fixture
def service() -> Iterator[resend.Resend]:
    with resend.Resend() as fake:
        yield fake


@pytest.fixture
def provider(service) -> Iterator[Resend]:
    made = Resend(
        alias="resend", api_key=resend.KEY, api_url=service.origin, from_email="hello@acme.test"
    )
    yield made
    made.close()


def test_each_letter_has_the_key_of_its_delivery(provider, service) -> None:
    sealed = message()
    one(provider, sealed)
    assert service.taken[0].headers["Idempotency-Key"] == str(sealed.reference)


def test_a_letter_whose_answer_was_lost_is_not_sent_again(provider, service) -> None:
    sealed = message()
    first = one(provider, sealed)
    again = one(provider, sealed)
    assert (again.kind, again.provider_ref) == (OutcomeKind.ACCEPTED, first.provider_ref)
    assert (len(service.taken), len(service.letters)) == (2, 1)


def test_another_letter_under_the_same_key_leaves_it_uncertain(provider, service) -> None:
    sealed = message()
    one(provider, sealed)
    changed = replace(saying(subject="Changed"), reference=sealed.reference)
    assert one(provider, changed).kind is OutcomeKind.UNKNOWN
    assert len(service.letters) == 1


def test_it_says_that_it_folds_copies(settings) -> None:
    options = {"api_key": resend.KEY, "from_email": "hello@acme.test"}
    entry = {"BACKEND": "delivery.providers.email.services.Resend", "OPTIONS": options}
    settings.DELIVERY_PROVIDERS = {**settings.DELIVERY_PROVIDERS, "resend": entry}
    assert registry.traits("resend").idempotent_for == 24 * 60 * 60


def test_a_dropped_connection_is_asked_again(provider, service) -> None:
    sealed = message()
    service.on_call(DROP)
    assert one(provider, sealed).kind is OutcomeKind.UNKNOWN
    assert one(provider, sealed).kind is OutcomeKind.ACCEPTED
