"""What `manage.py check` says of the keys of web push."""

import pytest

from delivery import checks, registry
from notifysite.plumbing import vapid


@pytest.fixture(autouse=True)
def fresh():
    registry.reset()
    yield
    registry.reset()


@pytest.fixture
def keys(settings):
    def give(**changes: str) -> None:
        settings.WEBPUSH_SETTINGS = {**settings.WEBPUSH_SETTINGS, **changes}

    return give


def ids() -> list[str]:
    return [each.id for each in checks.web_push()]


def test_the_keys_of_the_settings_are_a_pair() -> None:
    assert ids() == []


def test_without_keys_it_is_said_how_to_make_some(keys) -> None:
    keys(VAPID_PRIVATE_KEY="")
    (found,) = checks.web_push()
    assert found.id == "notifysite.I002"
    assert "manage.py vapid_keys" in found.hint


def test_keys_that_are_no_pair_are_an_error(keys) -> None:
    keys(VAPID_PUBLIC_KEY=vapid.public(vapid.generate()))
    assert ids() == ["notifysite.E007"]


def test_a_contact_on_localhost_is_a_warning_on_a_public_site(keys, settings) -> None:
    assert ids() == []
    settings.PUBLIC_URL = "https://notify.example.com"
    assert ids() == ["notifysite.W003"]
    keys(VAPID_ADMIN_EMAIL="ops@example.com")
    assert ids() == []


def test_a_broken_private_key_is_an_error_that_does_not_show_it(keys, settings) -> None:
    keys(VAPID_PRIVATE_KEY="broken-and-secret")
    entry = settings.DELIVERY_PROVIDERS["webpush"]
    options = {**entry["OPTIONS"], "private_key": "broken-and-secret"}
    settings.DELIVERY_PROVIDERS = {"webpush": {**entry, "OPTIONS": options}}
    assert ids() == []
    (found,) = checks.providers()
    assert found.id == "notifysite.E003"
    assert "manage.py vapid_keys" in found.msg
    assert "broken-and-secret" not in found.msg
