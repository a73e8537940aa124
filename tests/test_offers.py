"""Providers that are configured by the environment alone."""

from django.utils.module_loading import import_string

from delivery import channels, checks
from notifysite.settings.offers import OFFERS, Offer, take

ACME = Offer(
    alias="acme",
    channel="sms",
    backend="tests.fakes.acme.Acme",
    needs={"url": "ACME_URL", "secret": "ACME_SECRET"},
    may={"threads": "ACME_THREADS"},
)


def taken(**variables: str):
    return take([ACME], lambda name: variables.get(name, ""))


def test_a_provider_of_which_nothing_is_set_is_not_there() -> None:
    assert (taken().providers, taken().gaps) == ({}, {})


def test_a_provider_with_all_it_needs_is_configured() -> None:
    given = taken(ACME_URL="https://acme.test", ACME_SECRET="s", ACME_THREADS="4")
    assert given.providers == {
        "acme": {
            "BACKEND": "tests.fakes.acme.Acme",
            "CHANNELS": ["sms"],
            "OPTIONS": {"url": "https://acme.test", "secret": "s", "threads": "4"},
        }
    }
    assert given.gaps == {}


def test_what_is_missing_of_a_provider_is_named_and_it_is_left_out() -> None:
    given = taken(ACME_THREADS="4", ACME_SECRET="s")
    assert (given.providers, given.gaps) == ({}, {"acme": ["ACME_URL"]})


def test_the_check_says_which_variable_is_missing(settings) -> None:
    settings.DELIVERY_GAPS = {"acme": ["ACME_URL"]}
    (error,) = checks.gaps()
    assert error.id == "notifysite.E009"
    assert error.msg == "The provider 'acme' is left out: ACME_URL is not set."


def test_the_check_says_whose_news_is_not_believed(settings) -> None:
    sending = {"POSTMARK_SERVER_TOKEN": "token", "RESEND_API_KEY": "key"}
    heard = {"RESEND_SIGNING_SECRET": "whsec_c2VjcmV0"}
    found = take(OFFERS, lambda name: {**sending, **heard}.get(name, ""))
    assert set(found.providers) == {"postmark", "resend"}
    settings.DELIVERY_PROVIDERS = {**settings.DELIVERY_PROVIDERS, **found.providers}

    (info,) = checks.news()
    assert info.id == "notifysite.I004"
    assert info.msg == "What the provider 'postmark' tells of its messages is not believed."
    assert "/hooks/postmark/" in info.hint


def test_every_offer_is_of_a_provider_and_a_channel_there_are() -> None:
    for offer in OFFERS:
        import_string(offer.backend)
        channels.by_key(offer.channel)
