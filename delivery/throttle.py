"""How fast a provider's account may be used: a token bucket in Redis, or in the database without.

In any t seconds an account gives at most `burst + per_second * t` tokens, to all processes
together, and going over to the database or back gives no second burst: whoever goes over empties
the bucket there, and whoever comes back finds the one in Redis as full as it was left, or empty
where Redis has forgotten it. Three things stretch the bound:

- while only some processes reach Redis both buckets are in use: at most twice `per_second`;
- a process that took nothing while Redis was gone finds the bucket there filled up meanwhile: at
  most one `burst` more for each outage;
- a Redis that forgets, unnoticed by who asks next, begins with a full bucket: one `burst` more for
  each time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, cast

from django.conf import settings
from django.db import connection

from delivery.errors import Misconfigured
from notifysite.plumbing import shared_redis

LONGEST_ACCOUNT: Final = 80  # as the column has it
SLOWEST: Final = 1 / 86_400  # one a day
MOST: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Granted:
    """What may be sent now, and the seconds until one more may; 0.0 when all were granted."""

    tokens: int
    wait: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """What an account may give: `per_second` in the long run, `burst` at once."""

    account: str
    per_second: float
    burst: float

    def granted(self, tokens: int, *, wanted: int, left: float) -> Granted:
        """The answer to `wanted` tokens, with `left` of them still in the bucket."""
        short = tokens < wanted
        return Granted(tokens, max(0.0, 1 - left) / self.per_second if short else 0.0)


def take(alias: str, wanted: int) -> Granted:
    """Take up to `wanted` tokens of an alias's account; all at once where it has no THROTTLE.

    Without Redis it locks the account's row until the caller's transaction ends: call it outside
    of one. Raises Misconfigured, and OperationalError when the database fails too.
    """
    bucket = bucket_of(alias)
    if bucket is None or wanted < 1:
        return Granted(max(0, wanted), 0.0)
    return buckets(settings.REDIS_URL).take(bucket, wanted)


def bucket_of(alias: str) -> Bucket | None:
    """The bucket that settings.DELIVERY_PROVIDERS gives an alias. Raises Misconfigured."""
    entry = settings.DELIVERY_PROVIDERS.get(alias, {}).get("THROTTLE")
    if entry is None:
        return None
    try:
        return _bucket(**{"account": alias, **entry})
    except (TypeError, ValueError) as error:
        raise Misconfigured(f"THROTTLE of provider {alias!r}: {error}") from error


def _bucket(*, per_second: Any, account: Any, burst: Any = None) -> Bucket:
    if not (_is_number(per_second) and SLOWEST <= per_second <= MOST):
        raise ValueError(f"per_second must be a number from 1/86400, one a day, to {MOST}")
    if burst is None:
        burst = max(1, per_second)
    if not (_is_number(burst) and 1 <= burst <= MOST):
        raise ValueError(f"burst must be a number from 1 to {MOST}")
    if not (isinstance(account, str) and 0 < len(account) <= LONGEST_ACCOUNT):
        raise ValueError(f"account must be a text of 1 to {LONGEST_ACCOUNT} characters")
    return Bucket(account=account, per_second=float(per_second), burst=float(burst))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


class Buckets:
    """All buckets, as this process reaches them."""

    def __init__(self, url: str, *, patience: float = shared_redis.PATIENCE) -> None:
        self.outage = shared_redis.Outage("providers are throttled by the database")
        self.client = shared_redis.connect(url, patience=patience)
        self._script = self.client.register_script(_IN_REDIS)
        # The accounts that this process took from last without Redis.
        self._gone_over: set[str] = set()

    def take(self, bucket: Bucket, wanted: int) -> Granted:
        """Take up to `wanted` tokens. Raises OperationalError."""
        switches = bucket.account in self._gone_over
        granted = self.outage.ask(lambda: self._from_redis(bucket, wanted, switches=switches))
        if granted is not None:
            self._gone_over.discard(bucket.account)
            return granted
        granted = _from_database(bucket, wanted, switches=not switches)
        self._gone_over.add(bucket.account)
        return granted

    def close(self) -> None:
        """Let go of the connections."""
        self.client.close()

    def _from_redis(self, bucket: Bucket, wanted: int, *, switches: bool) -> Granted:
        arguments = (bucket.per_second, bucket.burst, wanted, int(switches))
        key = f"notifysite:throttle:{bucket.account}"
        tokens, left = cast("tuple[int, bytes]", self._script(keys=[key], args=arguments))
        return bucket.granted(tokens, wanted=wanted, left=float(left))


@lru_cache(maxsize=4)
def buckets(url: str) -> Buckets:
    """The buckets of this process in the Redis at `url`."""
    return Buckets(url)


# The key goes when the bucket is full: a bucket that is not there is a full one. The clock may be
# set back, so time that ran backwards fills nothing.
_IN_REDIS: Final = """
local per_second, burst, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local comes_back = ARGV[4] == '1'
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = burst
if kept[1] then
    local passed = comes_back and 0 or math.max(0, now - kept[2])
    tokens = math.min(burst, kept[1] + passed / 1000000 * per_second)
elseif comes_back then
    tokens = 0
end
local granted = math.min(wanted, math.floor(tokens))
tokens = tokens - granted
local full_in = math.ceil((burst - tokens) / per_second * 1000)
redis.call('HSET', KEYS[1],
    'tokens', string.format('%.17g', tokens), 'at', string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', full_in + 1000))
return {granted, string.format('%.17g', tokens)}
"""

# The time is read once the row is ours, so it never runs backwards from one caller to the next.
_IN_DATABASE: Final = """
    INSERT INTO delivery_throttle AS kept (account, tokens, granted, at)
    VALUES (%(account)s, 0, 0, clock_timestamp())
    ON CONFLICT (account) DO UPDATE SET (tokens, granted, at) = (
        SELECT filled.tokens - part.granted, part.granted, time.now
        FROM (SELECT clock_timestamp() AS now) AS time
        CROSS JOIN LATERAL (
            SELECT CASE WHEN %(goes_over)s THEN 0 ELSE LEAST(
                %(burst)s::float8,
                kept.tokens + %(per_second)s::float8
                    * GREATEST(0, EXTRACT(epoch FROM time.now - kept.at)::float8)
            ) END AS tokens
        ) AS filled
        CROSS JOIN LATERAL (
            SELECT LEAST(%(wanted)s, floor(filled.tokens))::int AS granted
        ) AS part
    )
    RETURNING granted, tokens
"""


def _from_database(bucket: Bucket, wanted: int, *, switches: bool) -> Granted:
    parameters: Mapping[str, Any] = {
        "account": bucket.account,
        "per_second": bucket.per_second,
        "burst": bucket.burst,
        "wanted": wanted,
        "goes_over": switches,
    }
    with connection.cursor() as cursor:
        cursor.execute(_IN_DATABASE, parameters)
        tokens, left = cursor.fetchone()
    return bucket.granted(tokens, wanted=wanted, left=left)
