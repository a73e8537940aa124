"""A key is looked up once in five seconds, and guesses learn and leave nothing."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from notifications.models import ApiKey
from notifications.services import keys
from notifications.services.keyring import Caller, Keyring
from notifications.services.keys import Token
from notifications.words import Mode
from tests.factories import make_key, make_service

pytestmark = pytest.mark.django_db


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def token_of(issued: keys.IssuedKey) -> Token:
    token = keys.parse(issued.secret)
    assert token is not None
    return token


def last_used(issued: keys.IssuedKey) -> datetime | None:
    return ApiKey.objects.get(pk=issued.key.pk).last_used_at


def test_the_caller_is_service_key_mode_and_scopes():
    service = make_service("shop")
    issued = make_key(service, mode=Mode.TEAM, scopes=["read:all", "notifications:read"])

    known = Keyring().look_up(token_of(issued))

    assert known is not None
    assert known.caller == Caller(
        service_id=service.pk,
        service_key="shop",
        key_id=issued.key.pk,
        mode=Mode.TEAM,
        scopes=frozenset({"read:all", "notifications:read"}),
        key_prefix=issued.key.prefix,
    )
    assert known.caller.sees_all
    assert known.caller.may("notifications:read")
    assert not known.caller.may("notifications:send")


def test_the_first_look_up_is_one_query_and_the_next_none(django_assert_num_queries):
    token, ring = token_of(make_key()), Keyring(clock=Clock())

    with django_assert_num_queries(1):
        first = ring.look_up(token)
    with django_assert_num_queries(0):
        second = ring.look_up(token)

    assert first is not None
    assert second == first


def test_a_revoked_key_is_known_as_revoked_five_seconds_later():
    issued, clock = make_key(), Clock()
    token, ring = token_of(issued), Keyring(clock=clock)
    ring.look_up(token)
    keys.revoke(issued.key)

    clock.now += 4.99
    before = ring.look_up(token)
    clock.now += 0.01
    after = ring.look_up(token)

    assert before is not None
    assert after is not None
    assert (before.revoked, after.revoked) == (False, True)


def test_keys_that_were_forgotten_are_looked_up_again(django_assert_num_queries):
    token, ring = token_of(make_key()), Keyring(clock=Clock())
    ring.look_up(token)
    ring.forget()

    with django_assert_num_queries(1):
        ring.look_up(token)


@pytest.mark.parametrize("guess", ["wrong secret", "unknown prefix", "other mode"])
def test_every_guess_costs_one_query_each_time_and_is_nobody(guess, django_assert_num_queries):
    token, ring = token_of(make_key()), Keyring(clock=Clock())
    ring.look_up(token)
    wrong = {
        "wrong secret": Token(token.mode, token.prefix, bytes(32)),
        "unknown prefix": Token(token.mode, "abcdefghijkl", token.digest),
        "other mode": Token(Mode.TEST, token.prefix, token.digest),
    }[guess]

    for _ in range(2):
        with django_assert_num_queries(1):
            assert ring.look_up(wrong) is None


def test_the_hash_of_nothing_opens_nothing():
    assert Keyring().look_up(Token(Mode.LIVE, "abcdefghijkl", bytes(32))) is None


def test_the_first_use_of_a_key_is_noted():
    issued = make_key()
    assert last_used(issued) is None

    Keyring().look_up(token_of(issued))

    used = last_used(issued)
    assert used is not None
    assert abs(used - timezone.now()) < timedelta(minutes=5)


@pytest.mark.parametrize(("seconds", "noted"), [(50, False), (60, True)])
def test_use_is_noted_once_a_minute_whichever_process_sees_it(seconds, noted):
    issued = make_key()
    before = timezone.now() - timedelta(seconds=seconds)
    ApiKey.objects.filter(pk=issued.key.pk).update(last_used_at=before)

    Keyring().look_up(token_of(issued))

    assert (last_used(issued) != before) is noted


def test_a_guess_and_a_revoked_key_are_no_use():
    issued = make_key()
    token = token_of(issued)
    Keyring().look_up(Token(token.mode, token.prefix, bytes(32)))
    keys.revoke(issued.key)
    Keyring().look_up(token)

    assert last_used(issued) is None
