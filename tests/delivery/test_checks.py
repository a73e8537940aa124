"""What `manage.py check` says of the settings of delivery."""

import pytest
from django.core.checks import run_checks
from django.core.checks.registry import registry as installed
from django.db import connection

from delivery import checks, registry

SANDBOX = {"BACKEND": "delivery.sandbox.Sandbox", "CHANNELS": ["email", "sms"], "OPTIONS": {}}


@pytest.fixture(autouse=True)
def fresh():
    registry.reset()
    yield
    registry.reset()


def ids(found) -> list[str]:
    return [each.id for each in found]


def test_the_product_as_it_comes_is_right(settings) -> None:
    # Of channels that go to the outbox it is said how they would go to people.
    assert set(ids(checks.routes())) == {"notifysite.I001", "notifysite.I003"}
    assert ids(checks.providers()) == []
    assert ids(checks.throttles()) == []
    assert ids(checks.keys()) == []
    assert ids(checks.public()) == []


def test_django_runs_them() -> None:
    assert set(checks.CHECKS) <= set(installed.get_checks())
    assert checks.durability in installed.get_checks(include_deployment_checks=False)
    assert "notifysite.I001" in ids(run_checks(tags=["notifysite"]))


def test_a_route_to_a_channel_that_is_none_is_found(settings) -> None:
    settings.DELIVERY_ROUTES = {**settings.DELIVERY_ROUTES, "pigeon": ["sandbox"]}
    (found,) = (each for each in checks.routes() if each.id == "notifysite.E001")
    assert "'pigeon'" in found.msg
    assert "EXTRA_CHANNELS" in found.hint


def test_a_route_to_a_provider_that_is_not_there_is_found(settings) -> None:
    settings.DELIVERY_ROUTES = {**settings.DELIVERY_ROUTES, "sms": ["twilio"]}
    (found,) = (each for each in checks.routes() if each.id == "notifysite.E001")
    assert found.msg == "The route of sms names the provider 'twilio', which is not configured."
    assert found.hint == "Add it to DELIVERY_PROVIDERS, or name one of: sandbox, test."


def test_a_route_to_a_provider_that_does_not_carry_the_channel_is_found(settings) -> None:
    settings.DELIVERY_ROUTES = {**settings.DELIVERY_ROUTES, "sms": ["inbox"]}
    assert "notifysite.E002" in ids(checks.routes())


def test_a_channel_without_a_provider_is_a_warning(settings) -> None:
    routes = {key: value for key, value in settings.DELIVERY_ROUTES.items() if key != "webhook"}
    settings.DELIVERY_ROUTES = routes
    assert "notifysite.W001" in ids(checks.routes())


def test_email_that_goes_to_people_is_not_remarked_upon(settings) -> None:
    settings.DELIVERY_ROUTES = {**settings.DELIVERY_ROUTES, "email": ["email"]}
    assert "notifysite.I001" not in ids(checks.routes())


@pytest.mark.parametrize(
    "entry",
    [
        {**SANDBOX, "BACKEND": "delivery.providers.nowhere.Nothing"},
        {**SANDBOX, "BACKEND": "delivery.sandbox.Nothing"},
        {**SANDBOX, "OPTIONS": {"colour": "green"}},
        {"CHANNELS": ["email"]},
        {
            "BACKEND": "delivery.providers.email.DjangoEmail",
            "CHANNELS": ["email"],
            "OPTIONS": {"backend": "anymail.backends.postmark.EmailBackend"},
        },
        {
            "BACKEND": "delivery.providers.email.DjangoEmail",
            "CHANNELS": ["email"],
            "OPTIONS": {"from_email": "nobody"},
        },
    ],
    ids=["module", "class", "options", "no backend", "no key", "no sender"],
)
def test_a_provider_that_cannot_be_built_is_found(settings, entry) -> None:
    settings.DELIVERY_PROVIDERS = {"odd": entry, "sandbox": SANDBOX}
    (found,) = checks.providers()
    assert found.id == "notifysite.E003"
    assert "'odd'" in found.msg


def throttled(**entries):
    return {alias: {**SANDBOX, "THROTTLE": entry} for alias, entry in entries.items()}


def test_throttles_that_can_be_read_are_right(settings) -> None:
    shared = {"per_second": 14, "burst": 28, "account": "ses-eu"}
    settings.DELIVERY_PROVIDERS = throttled(bulk=shared, codes=shared, sms={"per_second": 0.5})
    assert checks.throttles() == []


def test_a_throttle_that_cannot_be_read_is_found(settings) -> None:
    settings.DELIVERY_PROVIDERS = throttled(ses={"per_second": "fast"})
    (found,) = checks.throttles()
    assert found.id == "notifysite.E008"
    assert "'ses'" in found.msg
    assert "per_second" in found.msg


@pytest.mark.parametrize("other", [{"per_second": 15}, {"per_second": 14, "burst": 28}])
def test_aliases_that_throttle_one_account_differently_are_found(settings, other) -> None:
    settings.DELIVERY_PROVIDERS = throttled(
        bulk={"per_second": 14, "account": "ses-eu"}, codes={**other, "account": "ses-eu"}
    )
    (found,) = checks.throttles()
    assert found.id == "notifysite.E008"
    assert "'bulk' and 'codes' share the account 'ses-eu'" in found.msg


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FIELD_ENCRYPTION_KEYS", []),
        ("FIELD_ENCRYPTION_KEYS", ["k1:short"]),
        ("FIELD_ENCRYPTION_KEYS", ["no-colon"]),
        ("FIELD_HASH_KEY", ""),
        ("FIELD_HASH_KEY", "short"),
    ],
)
def test_keys_that_are_missing_or_malformed_are_found_with_how_to_make_one(
    settings, name, value
) -> None:
    setattr(settings, name, value)
    (found,) = checks.keys()
    assert found.id == "notifysite.E004"
    assert name in found.msg
    assert "generate_master_key" in found.msg


@pytest.mark.parametrize("value", ["", "changeme"])
def test_a_secret_that_is_missing_or_short_is_found(settings, value) -> None:
    settings.SECRET_KEY = value
    (found,) = checks.keys()
    assert found.id == "notifysite.E005"
    assert "token_urlsafe" in found.hint


@pytest.mark.parametrize(
    ("debug", "url", "found"),
    [
        (True, "https://notify.example.com", ["notifysite.W002"]),
        (True, "http://127.0.0.1:8000", []),
        (False, "https://notify.example.com", []),
    ],
)
def test_debug_does_not_belong_on_a_public_address(settings, debug, url, found) -> None:
    settings.DEBUG, settings.PUBLIC_URL = debug, url
    assert ids(checks.public()) == found


@pytest.mark.django_db
def test_a_database_that_forgets_what_it_confirmed_is_found() -> None:
    assert "synchronous_commit" not in str(checks.durability(databases=["default"]))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit TO off")
    found = [each for each in checks.durability(databases=["default"]) if "synchronous" in each.msg]
    assert ids(found) == ["notifysite.E006"]


def test_no_database_is_asked_unless_one_is_named() -> None:
    assert checks.durability(databases=None) == []
    assert checks.durability() == []
