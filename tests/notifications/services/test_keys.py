"""A key is shown once, kept as a hash, replaced beside the old one and revoked for good."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from notifications.models import ApiKey
from notifications.services import keys
from notifications.words import Mode
from notifysite.plumbing.problems import Problem
from tests.factories import make_key, make_service

pytestmark = pytest.mark.django_db


def audited() -> list[tuple[str, str, str]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT actor, action, target FROM audit_entry ORDER BY id")
        return cursor.fetchall()


def refusal(call) -> Problem:
    with pytest.raises(Problem) as caught:
        call()
    return caught.value


@pytest.mark.parametrize("mode", list(Mode))
def test_a_key_says_its_mode_and_prefix_and_holds_256_bits(mode):
    issued = make_key(mode=mode)

    word, prefix = mode.name.lower(), issued.key.prefix
    assert re.fullmatch(rf"ntf_{word}_{prefix}_[A-Za-z0-9]{{43}}", issued.secret)
    assert 62**43 > 2**256


def test_the_database_holds_nothing_that_can_be_sent():
    issued = make_key()

    with connection.cursor() as cursor:
        cursor.execute("SELECT k::text FROM api_key k")
        (row,) = cursor.fetchone()
    assert issued.secret.rpartition("_")[2] not in row
    assert len(ApiKey.objects.get().hash) == 32


def test_a_key_that_is_printed_by_accident_hides_its_secret():
    issued = make_key()

    assert issued.secret.rpartition("_")[2] not in repr(issued)


def test_a_key_may_send_and_keep_people_unless_told_otherwise():
    assert make_key().key.scopes == sorted(
        ["notifications:send", "notifications:read", "users:read", "users:write"]
    )


def test_an_unknown_scope_is_refused_by_name():
    service = make_service()

    problem = refusal(
        lambda: keys.issue(service, mode=Mode.LIVE, name="x", scopes=["users:read", "root"])
    )

    assert (problem.status, problem.code) == (422, "unknown_scope")
    assert "no scope root" in problem.detail
    assert not ApiKey.objects.exists()


def test_a_key_without_scopes_is_refused():
    service = make_service()

    problem = refusal(lambda: keys.issue(service, mode=Mode.LIVE, name="x", scopes=[]))

    assert problem.code == "unknown_scope"


def test_a_key_cannot_be_made_already_expired():
    service = make_service()

    problem = refusal(
        lambda: keys.issue(service, mode=Mode.LIVE, name="x", expires_at=timezone.now())
    )

    assert problem.code == "expired_already"


def test_a_third_live_key_is_refused_with_the_names_of_the_two():
    service = make_service("shop")
    first, second = make_key(service), make_key(service)

    problem = refusal(lambda: make_key(service))

    assert (problem.status, problem.code) == (409, "too_many_keys")
    assert keys.label(first.key) in problem.detail
    assert keys.label(second.key) in problem.detail


def test_other_modes_and_services_have_room_of_their_own():
    service = make_service()
    for _ in range(2):
        make_key(service, mode=Mode.LIVE)

    assert make_key(service, mode=Mode.TEST).key.mode == Mode.TEST
    assert make_key().key.mode == Mode.LIVE


def test_revoked_and_expired_keys_leave_room():
    service = make_service()
    revoked, expired = make_key(service), make_key(service)
    keys.revoke(revoked.key)
    ApiKey.objects.filter(pk=expired.key.pk).update(expires_at=timezone.now() - timedelta(1))

    assert make_key(service).key.pk
    assert make_key(service).key.pk


def test_a_key_is_revoked_once_and_keeps_the_first_time():
    issued = make_key()

    assert keys.revoke(issued.key) is True
    first = issued.key.revoked_at
    assert first is not None
    assert keys.revoke(issued.key) is False
    assert issued.key.revoked_at == first


def test_the_successor_is_like_the_old_key_which_still_works():
    old = make_key(scopes=["catalog:read"], name="importer")

    new = keys.rotate(old.key)

    assert new.secret != old.secret
    assert (new.key.service, new.key.mode, new.key.name, new.key.scopes, new.key.expires_at) == (
        old.key.service,
        old.key.mode,
        "importer",
        ["catalog:read"],
        None,
    )
    assert set(keys.live(old.key.service, Mode.LIVE)) == {old.key, new.key}


def test_the_successor_lives_as_long_as_the_old_key_was_to_live():
    old = make_key(expires_at=timezone.now() + timedelta(days=90)).key
    ApiKey.objects.filter(pk=old.pk).update(
        created_at=old.created_at - timedelta(days=80), expires_at=old.expires_at - timedelta(80)
    )
    old.refresh_from_db()

    new = keys.rotate(old).key

    assert new.expires_at is not None
    assert timedelta(days=89) < new.expires_at - timezone.now() <= timedelta(days=90)


def test_a_revoked_key_has_no_successor():
    issued = make_key()
    keys.revoke(issued.key)

    assert refusal(lambda: keys.rotate(issued.key)).code == "key_revoked"


def test_issue_and_revoke_are_audited_with_who_did_them():
    service = make_service("shop")
    issued = keys.issue(service, mode=Mode.LIVE, name="web", actor="admin:7")
    keys.revoke(issued.key, actor="admin:8")
    keys.revoke(issued.key, actor="admin:9")

    target = f"api_key:{keys.label(issued.key)}"
    assert audited() == [
        ("admin:7", "api_key.issued", target),
        ("admin:8", "api_key.revoked", target),
    ]


def test_a_key_is_found_by_prefix_label_or_all_of_it():
    issued = make_key()

    for shown in (issued.key.prefix, keys.label(issued.key), issued.secret, f" {issued.secret}\n"):
        assert keys.find(shown) == issued.key
    assert keys.find("ntf_live_nobody") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ntf_",
        "ntf_live_abcdefghijkl",
        "ntf_root_abcdefghijkl_" + "a" * 43,
        "ntf_live_ABCDEFGHIJKL_" + "a" * 43,
        "ntf_live_abcdefghijkl_" + "a" * 42,
        "ntf_live_abcdefghijkl_" + "a" * 44,
        "ntf_live_abcdefghijkl_" + "é" * 43,
        "ntf_live_abcdefghijkl_" + "a" * 43 + "\n",
    ],
)
def test_what_has_not_the_form_of_a_key_is_none(text):
    assert keys.parse(text) is None
