"""Buckets that nothing trickles into while a test runs."""

from dataclasses import replace
from typing import Any

from delivery.throttle import Bucket

SLOW = 1 / 86_400


def slow(account: str, **changes: Any) -> Bucket:
    return replace(Bucket(account=account, per_second=SLOW, burst=10), **changes)


def key_of(account: str) -> str:
    return f"notifysite:throttle:{account}"
