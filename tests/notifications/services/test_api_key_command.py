"""`manage.py api_key` makes, lists and revokes keys, and says what to do where it cannot."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from notifications.models import ApiKey, Service
from notifications.services import keys
from notifications.services.keyring import Keyring
from notifications.words import Mode
from tests.factories import make_key, make_service

pytestmark = pytest.mark.django_db


def run(*words: str) -> tuple[str, str]:
    """What the command writes: standard output and standard error."""
    out, err = StringIO(), StringIO()
    call_command("api_key", *words, stdout=out, stderr=err, no_color=True)
    return out.getvalue(), err.getvalue()


def create(*more: str, service: str = "shop") -> tuple[str, str]:
    return run("create", "--service", service, "--mode", "live", "--name", "web", *more)


def test_the_new_key_stands_alone_on_standard_output_and_works():
    make_service("shop")

    out, err = create()

    token = keys.parse(out.removesuffix("\n"))
    assert token is not None
    known = Keyring().look_up(token)
    assert known is not None
    assert (known.caller.service_key, known.caller.mode) == ("shop", Mode.LIVE)
    assert known.caller.scopes == frozenset(keys.DEFAULT_SCOPES)
    assert "cannot be shown again" in err


def test_scopes_and_an_end_may_be_given():
    make_service("shop")

    create("--scope", "catalog:read", "--scope", "ops:read", "--days", "30")

    key = ApiKey.objects.get()
    assert key.scopes == ["catalog:read", "ops:read"]
    assert key.expires_at is not None
    assert (key.expires_at - key.created_at).days in (29, 30)


def test_a_service_is_made_only_when_asked_for():
    make_service("till")
    with pytest.raises(CommandError, match=r"no service shop \(there are: till\).*--create-serv"):
        create()
    assert not Service.objects.filter(key="shop").exists()

    create("--create-service")
    create("--create-service")

    assert Service.objects.get(key="shop").keys.count() == 2


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--scope", "root"), "no scope root"),
        (("--days", "0"), "in the future"),
        (("--create-service", "--service", "the shop"), "letters, digits"),
    ],
)
def test_what_cannot_be_made_is_explained(more, said):
    make_service("shop")

    with pytest.raises(CommandError, match=said):
        create(*more)
    assert not ApiKey.objects.exists()


def test_a_third_key_is_refused_with_advice():
    make_service("shop")
    create()
    create()

    with pytest.raises(CommandError, match="Revoke the one no longer used"):
        create()


def test_the_list_shows_every_key_and_no_secret():
    shop = make_service("shop")
    old, new = make_key(shop, name="web"), make_key(shop, mode=Mode.TEST, scopes=["ops:read"])
    keys.revoke(old.key)

    out, _ = run("list")

    first, second = (line.split("\t") for line in out.splitlines())
    assert first == [keys.label(new.key), "shop", "live", "never used", "ops:read", "tests"]
    assert second[:2] == [keys.label(old.key), "shop"]
    assert second[2] == f"revoked {old.key.revoked_at:%Y-%m-%d}"
    assert new.secret.rpartition("_")[2] not in out


def test_the_list_may_be_of_one_service():
    make_key(make_service("shop"))
    make_key(make_service("till"))

    out, _ = run("list", "--service", "till")

    assert [line.split("\t")[1] for line in out.splitlines()] == ["till"]


def test_a_key_is_revoked_by_what_the_list_shows():
    issued = make_key()

    out, _ = run("revoke", keys.label(issued.key))

    assert out == f"{keys.label(issued.key)} is revoked, within five seconds everywhere.\n"
    issued.key.refresh_from_db()
    assert issued.key.revoked_at is not None


def test_revoking_twice_and_revoking_nothing_are_errors():
    issued = make_key()
    run("revoke", issued.key.prefix)

    with pytest.raises(CommandError, match=r"was revoked on \d{4}-\d\d-\d\d already"):
        run("revoke", issued.key.prefix)
    with pytest.raises(CommandError, match="There is no key ntf_live_nobody;"):
        run("revoke", "ntf_live_nobody_secret")
