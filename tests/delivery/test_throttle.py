"""An account gives its burst, then its rate, to all together, whatever becomes of Redis."""

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings as configured
from django.db import OperationalError, connection

from delivery import throttle
from delivery.errors import Misconfigured
from delivery.models import Throttle
from delivery.throttle import Bucket, Buckets, Granted
from notifysite.plumbing.shared_redis import PAUSE
from tests.fakes.wire import Wire

SLOW = 1 / 86_400  # nothing trickles in while a test runs
BUSY = 60.0  # seconds of patience with a machine that has other work


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def account() -> str:
    return f"test:{uuid.uuid4()}"


@pytest.fixture
def made() -> Iterator[Callable[[str], Buckets]]:
    """Make the buckets of another process, with a clock of their own."""
    every: list[Buckets] = []

    def make(url: str = configured.REDIS_URL) -> Buckets:
        every.append(Buckets(url, patience=BUSY))
        every[-1].outage.clock = Clock()
        return every[-1]

    yield make
    for each in every:
        each.close()


@pytest.fixture
def wire() -> Iterator[Wire]:
    wire = Wire(configured.REDIS_URL)
    yield wire
    wire.close()


@pytest.fixture
def away(made, wire) -> Buckets:
    """The buckets of a process that does not reach Redis, and has noticed."""
    wire.cut()
    buckets = made(wire.url)
    buckets.outage.ask(buckets.client.ping)
    return buckets


def filled(account: str) -> None:
    """Let the bucket in the database have come up to ten."""
    Throttle.objects.create(account=account, tokens=10, at="2026-01-01T00:00Z")


def key_of(account: str) -> str:
    return f"notifysite:throttle:{account}"


def slow(account: str, **changes: Any) -> Bucket:
    return replace(Bucket(account=account, per_second=SLOW, burst=10), **changes)


# What is asked for


def test_without_a_throttle_all_is_granted_and_nobody_asked(settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    throttle.buckets.cache_clear()

    assert throttle.take("email", 500) == Granted(500, 0.0)
    assert throttle.take("nowhere", 1) == Granted(1, 0.0)
    assert throttle.buckets.cache_info().currsize == 0


@pytest.mark.parametrize("wanted", [0, -3])
def test_who_wants_nothing_gets_nothing_and_need_not_wait(settings, account, wanted) -> None:
    settings.DELIVERY_PROVIDERS = {"email": {"THROTTLE": {"per_second": 1, "account": account}}}

    assert throttle.take("email", wanted) == Granted(0, 0.0)


@pytest.mark.parametrize(
    ("entry", "bucket"),
    [
        ({"per_second": 14}, Bucket(account="ses", per_second=14, burst=14)),
        ({"per_second": 0.25}, Bucket(account="ses", per_second=0.25, burst=1)),
        (
            {"per_second": 14, "burst": 28, "account": "ses-eu"},
            Bucket(account="ses-eu", per_second=14, burst=28),
        ),
    ],
)
def test_burst_is_a_second_s_worth_and_the_account_the_alias_unless_told(
    settings, entry, bucket
) -> None:
    settings.DELIVERY_PROVIDERS = {"ses": {"THROTTLE": entry}}

    assert throttle.bucket_of("ses") == bucket


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"per_second": 0},
        {"per_second": -1},
        {"per_second": "14"},
        {"per_second": True},
        {"per_second": float("nan")},
        {"per_second": float("inf")},
        {"per_second": 14, "burst": 0.5},
        {"per_second": 14, "account": ""},
        {"per_second": 14, "account": "a" * 81},
        {"per_second": 14, "per_minute": 3},
        14,
    ],
)
def test_what_cannot_be_read_is_a_mistake_in_the_settings(settings, entry) -> None:
    settings.DELIVERY_PROVIDERS = {"ses": {"THROTTLE": entry}}

    with pytest.raises(Misconfigured, match="'ses'"):
        throttle.take("ses", 1)


# What is granted


def test_a_full_bucket_gives_its_burst_and_says_when_the_next_one_comes(made, account) -> None:
    bucket = Bucket(account=account, per_second=0.01, burst=3)

    granted = [made().take(bucket, wanted) for wanted in (2, 5, 1)]

    assert [each.tokens for each in granted] == [2, 1, 0]
    assert granted[0].wait == 0.0
    assert 0 < granted[2].wait <= granted[1].wait <= 100


def test_who_waits_as_long_as_told_is_given_one(made, account) -> None:
    buckets, bucket = made(), Bucket(account=account, per_second=20, burst=1)

    short = buckets.take(bucket, 2)
    time.sleep(short.wait + 0.001)

    assert short.tokens == 1
    assert buckets.take(bucket, 1).tokens == 1


@pytest.mark.django_db
def test_who_waits_as_long_as_told_is_given_one_by_the_database_too(away, account) -> None:
    bucket = Bucket(account=account, per_second=20, burst=1)

    short = away.take(bucket, 2)
    time.sleep(short.wait + 0.001)

    assert short.tokens == 0
    assert away.take(bucket, 1).tokens == 1


def test_aliases_of_one_account_share_one_bucket(settings, account) -> None:
    entry = {"THROTTLE": {"per_second": SLOW, "burst": 10, "account": account}}
    settings.DELIVERY_PROVIDERS = {"bulk": entry, "codes": entry}

    taken = [throttle.take(alias, 6).tokens for alias in ("bulk", "codes", "bulk")]

    assert taken == [6, 4, 0]


def test_other_accounts_have_buckets_of_their_own(made, account) -> None:
    buckets = made()
    buckets.take(slow(account), 10)

    assert buckets.take(slow(f"{account}:other"), 10).tokens == 10


def test_a_smaller_burst_holds_at_once(made, account) -> None:
    buckets = made()
    buckets.take(slow(account), 1)

    assert buckets.take(slow(account, burst=2), 10).tokens == 2


def greedy(buckets: Buckets, bucket: Bucket, seconds: float) -> tuple[int, float]:
    """Eight threads take what they can; how many they got, and in how long at most."""
    began = time.monotonic()
    until = began + seconds

    def work(number: int) -> int:
        taken = buckets.take(bucket, 1 + number).tokens
        while time.monotonic() < until:
            taken += buckets.take(bucket, 1 + number).tokens
        connection.close()
        return taken

    with ThreadPoolExecutor(8) as pool:
        taken = sum(pool.map(work, range(8)))
    return taken, time.monotonic() - began


def test_many_at_once_never_get_more_than_burst_and_rate(made, account) -> None:
    bucket = Bucket(account=account, per_second=50, burst=20)

    taken, seconds = greedy(made(), bucket, 0.5)

    assert 20 <= taken <= 20 + 50 * seconds


@pytest.mark.django_db(transaction=True)
def test_many_at_once_never_get_more_than_burst_and_rate_of_the_database(away, account) -> None:
    bucket = Bucket(account=account, per_second=50, burst=20)
    away.take(bucket, 1)
    Throttle.objects.filter(account=account).update(tokens=20)

    taken, seconds = greedy(away, bucket, 0.5)

    assert 20 <= taken <= 20 + 50 * seconds


PROCESS = """
import json, sys, time
from delivery.throttle import Bucket, Buckets
url, account, seconds = json.loads(sys.argv[1])
buckets, bucket = Buckets(url, patience=60), Bucket(account=account, per_second=50, burst=20)
buckets.client.ping()
print("ready", flush=True)
sys.stdin.readline()
until, taken = time.monotonic() + seconds, 0
while time.monotonic() < until:
    taken += buckets.take(bucket, 3).tokens
print(taken)
"""


def test_two_processes_together_get_no_more_either(account) -> None:
    arguments = json.dumps([configured.REDIS_URL, account, 0.3])
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ,
        )
        for _ in range(2)
    ]
    assert [process.stdout.readline() for process in processes] == ["ready\n"] * 2

    began = time.monotonic()
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    taken = [int(process.communicate()[0]) for process in processes]

    assert 20 <= sum(taken) <= 20 + 50 * (time.monotonic() - began)


# Redis is not always there, and not always of the same mind


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
