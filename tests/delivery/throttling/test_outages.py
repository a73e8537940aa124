"""No account gives more because Redis is gone, comes back, or has forgotten."""

import time
from collections.abc import Iterator

import pytest
from django.db import OperationalError, connection

from delivery.models import Throttle
from delivery.throttle import Bucket
from notifysite.plumbing.shared_redis import PAUSE
from tests.delivery.throttling.accounts import SLOW, key_of, slow


def filled(account: str) -> None:
    """Let the bucket in the database have come up to ten."""
    Throttle.objects.create(account=account, tokens=10, at="2026-01-01T00:00Z")


@pytest.mark.django_db
def test_who_goes_over_to_the_database_begins_with_nothing(made, wire, account) -> None:
    filled(account)
    buckets, bucket = made(wire.url), slow(account)
    assert buckets.take(bucket, 4).tokens == 4

    wire.cut()

    granted = buckets.take(bucket, 4)
    assert granted.tokens == 0
    assert granted.wait == pytest.approx(1 / SLOW, rel=0.001)


@pytest.mark.django_db
def test_who_stays_with_the_database_has_what_has_come_in_since(away, account) -> None:
    away.take(slow(account), 1)
    Throttle.objects.filter(account=account).update(tokens=7)

    assert [away.take(slow(account), 4).tokens for _ in range(3)] == [4, 3, 0]


@pytest.mark.django_db
def test_who_comes_back_finds_the_bucket_as_it_was_left(made, wire, account) -> None:
    buckets, bucket = made(wire.url), Bucket(account=account, per_second=1000, burst=10)
    buckets.take(bucket, 10)
    buckets.client.hset(key_of(account), "tokens", "3")
    buckets.client.persist(key_of(account))
    wire.cut()
    buckets.take(bucket, 1)
    time.sleep(0.01)  # in which ten more would have come in
    wire.mend()
    buckets.outage.clock.now += PAUSE

    assert buckets.take(bucket, 10).tokens == 3


@pytest.mark.django_db
def test_going_over_and_back_gives_one_burst_in_all(made, wire, account) -> None:
    filled(account)
    buckets, bucket = made(wire.url), slow(account)
    taken = [buckets.take(bucket, 4).tokens]
    for _ in range(3):
        wire.cut()
        taken.append(buckets.take(bucket, 10).tokens)
        wire.mend()
        buckets.outage.clock.now += PAUSE
        taken.append(buckets.take(bucket, 3).tokens)

    assert taken == [4, 0, 3, 0, 3, 0, 0]


@pytest.mark.django_db
def test_who_comes_back_to_a_redis_that_forgot_begins_with_nothing(made, wire, account) -> None:
    buckets, bucket = made(wire.url), slow(account)
    buckets.take(bucket, 1)
    wire.cut()
    buckets.take(bucket, 1)
    wire.mend()
    buckets.outage.clock.now += PAUSE
    buckets.client.delete(key_of(account))

    assert [buckets.take(bucket, 1).tokens for _ in range(2)] == [0, 0]


def test_a_redis_that_forgot_its_scripts_is_told_again(made, account) -> None:
    buckets = made()
    buckets.take(slow(account), 1)
    buckets.client.script_flush()

    assert buckets.take(slow(account), 10).tokens == 9


def test_redis_forgets_a_bucket_when_it_is_full_again(made, account) -> None:
    buckets = made()
    buckets.take(Bucket(account=account, per_second=0.1, burst=10), 4)

    assert 40 < buckets.client.ttl(key_of(account)) <= 41


def test_a_clock_set_back_gives_nothing_and_stops_nothing(made, account) -> None:
    buckets, bucket = made(), Bucket(account=account, per_second=20, burst=1)
    buckets.take(bucket, 1)
    buckets.client.hset(key_of(account), "at", f"{(time.time() + 3600) * 1e6:.0f}")

    short = buckets.take(bucket, 1)
    time.sleep(short.wait + 0.001)

    assert (short.tokens, buckets.take(bucket, 1).tokens) == (0, 1)


@pytest.mark.django_db
def test_a_clock_of_the_database_set_back_stops_nothing_either(away, account) -> None:
    bucket = Bucket(account=account, per_second=20, burst=1)
    away.take(bucket, 1)
    Throttle.objects.filter(account=account).update(at="2999-01-01T00:00Z")

    short = away.take(bucket, 1)
    time.sleep(short.wait + 0.001)

    assert (short.tokens, away.take(bucket, 1).tokens) == (0, 1)


@pytest.fixture
def locked() -> Iterator[None]:
    """Somebody else has the table, and we are not patient."""
    other = connection.copy()
    with other.cursor() as theirs, connection.cursor() as ours:
        theirs.execute("BEGIN")
        theirs.execute("LOCK TABLE delivery_throttle")
        ours.execute("SET lock_timeout = '20ms'")
        yield
        theirs.execute("ROLLBACK")
        ours.execute("RESET lock_timeout")
    other.close()


@pytest.mark.django_db(transaction=True)
def test_a_database_that_fails_too_is_the_caller_s_error(away, account, locked) -> None:
    with pytest.raises(OperationalError):
        away.take(slow(account), 1)
