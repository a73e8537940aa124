"""How well each provider is on each channel: one row for the whole fleet, looked at once a second.

A breaker opens by what flights answered, and closes when a probe, one message at a time in the
whole fleet, goes through. Operators drain a provider or drill its failure. Every switch is audited
with its reason.
"""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import structlog
from django.db import connection, transaction

from delivery import breaker
from delivery.breaker import Tally
from delivery.contracts import Outcome
from delivery.lifecycle import OutcomeKind
from notifysite.plumbing import audit
from notifysite.plumbing.statements import Said, Statement

log = structlog.get_logger(__name__)

CACHE_SECONDS = 1.0
# A probe whose worker died is another's after this long.
PROBE_SECONDS = 30.0
# While somebody else's probe is out, or nobody can say when, messages are looked at again so soon.
PROBED_PAUSE = 3.0
DRAINED_PAUSE = 15.0

WELL = frozenset(
    {
        OutcomeKind.ACCEPTED,
        OutcomeKind.DELIVERED,
        OutcomeKind.REFUSED_ADDRESS,
        OutcomeKind.REFUSED_MESSAGE,
        OutcomeKind.OPTED_OUT,
    }
)

_REFUSED = WELL - {OutcomeKind.ACCEPTED, OutcomeKind.DELIVERED}


class Way(NamedTuple):
    """A provider on a channel: what has a breaker of its own."""

    alias: str
    channel: int


@dataclass(frozen=True, slots=True)
class Pulse:
    """A breaker as it was read; times in seconds from then. `opens_for` None: it is closed."""

    open_for: float | None = None
    probe_for: float = 0.0
    drill_for: float = 0.0
    drained: bool = False
    read_at: float = field(default_factory=time.monotonic)

    def wait(self) -> float:
        """Seconds until a message may be given to it; 0 also when a probe is due."""
        age = time.monotonic() - self.read_at
        if self.drained:
            return DRAINED_PAUSE
        if self.open_for is None:
            return 0.0
        if self.open_for > age:
            return self.open_for - age
        return PROBED_PAUSE if self.probe_for > age else 0.0

    @property
    def is_closed(self) -> bool:
        """Whether it is given all it can take."""
        return self.open_for is None

    @property
    def is_drilled(self) -> bool:
        """Whether every call is failed on purpose."""
        return self.drill_for > time.monotonic() - self.read_at


_WELL = Pulse()
_cached: tuple[float, Mapping[Way, Pulse]] = (float("-inf"), {})


def pulse(way: Way) -> Pulse:
    """How it stands, as of the last second."""
    global _cached
    if time.monotonic() - _cached[0] > CACHE_SECONDS:
        _cached = (time.monotonic(), _read())
    return _cached[1].get(way, _WELL)


def forget() -> None:
    """Read all breakers again at the next look."""
    global _cached
    _cached = (float("-inf"), {})


_READ = """
    SELECT provider, channel, EXTRACT(epoch FROM until - now)::float8,
        COALESCE(EXTRACT(epoch FROM probe_until - now), 0)::float8,
        COALESCE(EXTRACT(epoch FROM drill_until - now), 0)::float8, drained
    FROM delivery_breaker, (SELECT clock_timestamp()) AS clock(now)
"""


def _read() -> dict[Way, Pulse]:
    with connection.cursor() as cursor:
        cursor.execute(_READ)
        return {Way(alias, channel): Pulse(*rest) for alias, channel, *rest in cursor.fetchall()}


_PROBE = """
    UPDATE delivery_breaker SET probe_until = clock_timestamp() + %s * interval '1 second'
    WHERE provider = %s AND channel = %s AND NOT drained AND until <= clock_timestamp()
        AND (probe_until IS NULL OR probe_until <= clock_timestamp())
"""


def take_probe(way: Way) -> bool:
    """Whether it is ours to try it, with one message: one at a time in the whole fleet."""
    with connection.cursor() as cursor:
        cursor.execute(_PROBE, [PROBE_SECONDS, *way])
        won = bool(cursor.rowcount)
    forget()
    return won


_NOTE = Statement("""
    INSERT INTO delivery_sample
        (provider, channel, accepted, refused, transient, account, unknown, took, slowest)
    VALUES (%(alias)s, %(channel)s, %(taken)s, %(refused)s, %(transient)s, %(account)s, %(unknown)s,
        %(took)s, %(slowest)s)
""")


def sample(way: Way, outcomes: Sequence[Outcome]) -> Said | None:
    """What is to be said to keep what a flight was answered, with what becomes of it."""
    if not outcomes:
        return None
    kinds = Counter(outcome.kind for outcome in outcomes)
    took = [outcome.took for outcome in outcomes]
    return _NOTE, {
        "alias": way.alias,
        "channel": way.channel,
        "taken": kinds[OutcomeKind.ACCEPTED] + kinds[OutcomeKind.DELIVERED],
        "refused": sum(kinds[kind] for kind in _REFUSED),
        "transient": kinds[OutcomeKind.TRANSIENT],
        "account": kinds[OutcomeKind.ACCOUNT],
        "unknown": kinds[OutcomeKind.UNKNOWN],
        "took": sum(took),
        "slowest": max(took),
    }


def judge(way: Way, outcomes: Iterable[Outcome], *, probe: bool) -> None:
    """Open or close the breaker after a flight; all well and closed costs nothing."""
    told = list(outcomes)
    bad = [outcome for outcome in told if outcome.kind not in WELL]
    if probe:
        _probed(way, told, bad)
    elif bad and pulse(way).is_closed and (why := breaker.why_open(_tally(way), word=_word(bad))):
        _open(way, why, at_least=_asked(bad))


_TALLY = f"""
    WITH since AS (
        SELECT GREATEST(clock_timestamp() - interval '1 hour', (
            SELECT switched_at FROM delivery_breaker WHERE provider = %(alias)s
                AND channel = %(channel)s)) AS at
    ), recent AS (
        SELECT s.* FROM delivery_sample AS s, since
        WHERE s.provider = %(alias)s AND s.channel = %(channel)s AND s.at > since.at
    ), lately AS (
        SELECT COALESCE(sum(accepted + refused + transient + account + unknown), 0) AS tries,
            COALESCE(sum(transient + unknown), 0) AS failed
        FROM recent WHERE at > clock_timestamp() - interval '{breaker.WINDOW_SECONDS} seconds'
    ), unbroken AS (
        SELECT COALESCE(sum(transient + unknown), 0) AS failed,
            COALESCE(sum(account), 0) AS account_errors
        FROM recent WHERE id > COALESCE(
            (SELECT max(id) FROM recent WHERE accepted + refused > 0), 0)
    )
    SELECT lately.tries, lately.failed, unbroken.failed, unbroken.account_errors
    FROM lately, unbroken
"""  # noqa: S608 - a constant of ours


def _tally(way: Way) -> Tally:
    with connection.cursor() as cursor:
        cursor.execute(_TALLY, {"alias": way.alias, "channel": way.channel})
        tries, failed, in_a_row, account_errors = cursor.fetchone()
    return Tally(tries=tries, failed=failed, in_a_row=in_a_row, account_errors=account_errors)


_OPEN = """
    INSERT INTO delivery_breaker AS b (provider, channel, opens, drained, until, reason)
    VALUES (%s, %s, 1, false, clock_timestamp() + %s * interval '1 second', %s)
    ON CONFLICT (provider, channel) DO UPDATE SET opens = 1, until = EXCLUDED.until,
        probe_until = NULL, switched_at = clock_timestamp(), reason = EXCLUDED.reason
    WHERE b.until IS NULL
"""


def _open(way: Way, why: str, *, at_least: float) -> None:
    pause = breaker.period(0.0, at_least=at_least)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_OPEN, [*way, pause, why])
        if cursor.rowcount:
            _record(way, "breaker.opened", why)
    forget()


_CLOSE = """
    UPDATE delivery_breaker SET until = NULL, probe_until = NULL, opens = 0,
        switched_at = clock_timestamp(), reason = %s
    WHERE provider = %s AND channel = %s AND until IS NOT NULL
"""
_SINCE = """
    SELECT EXTRACT(epoch FROM clock_timestamp() - switched_at)::float8 FROM delivery_breaker
    WHERE provider = %s AND channel = %s AND until IS NOT NULL FOR NO KEY UPDATE
"""
_AGAIN = """
    UPDATE delivery_breaker SET until = clock_timestamp() + %s * interval '1 second',
        probe_until = NULL, opens = opens + 1
    WHERE provider = %s AND channel = %s
"""
_NOT_PROBED = """
    UPDATE delivery_breaker SET probe_until = NULL WHERE provider = %s AND channel = %s
"""


def _probed(way: Way, told: list[Outcome], bad: list[Outcome]) -> None:
    """What the probe makes of it; one that was withdrawn at the last look proves nothing."""
    with transaction.atomic(), connection.cursor() as cursor:
        if not told:
            cursor.execute(_NOT_PROBED, [*way])
        elif not bad:
            cursor.execute(_CLOSE, ["the probe went through", *way])
            if cursor.rowcount:
                _record(way, "breaker.closed", "the probe went through")
        else:
            cursor.execute(_SINCE, [*way])
            if found := cursor.fetchone():
                cursor.execute(_AGAIN, [breaker.period(found[0], at_least=_asked(bad)), *way])
    forget()


def _word(outcomes: Iterable[Outcome]) -> str:
    """What was said most."""
    words = Counter(outcome.code for outcome in outcomes if outcome.code)
    return words.most_common(1)[0][0][:80] if words else ""


def _asked(outcomes: Iterable[Outcome]) -> float:
    return max((outcome.retry_after or 0.0 for outcome in outcomes), default=0.0)


def _record(way: Way, action: str, why: str, *, actor: str = "system") -> None:
    log.warning(action.replace(".", "_"), provider=way.alias, channel=way.channel, why=why)
    audit.record(
        actor=actor,
        action=action,
        target=f"provider:{way.alias}",
        detail={"channel": way.channel, "reason": why},
    )
