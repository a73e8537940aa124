"""An account gives its burst, then its rate, to all together."""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings as configured
from django.db import connection

from delivery import throttle
from delivery.errors import Misconfigured
from delivery.models import Throttle
from delivery.throttle import Bucket, Buckets, Granted
from tests.delivery.throttling.accounts import SLOW, slow


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


@pytest.mark.usefixtures("patient_throttle")
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
