"""How providers have been lately: what they answered, how fast, what waits, and who switched what.

A constant number of queries, for one provider or for all.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from django.db import connection

from delivery import channels, standing, throttle
from delivery.errors import Misconfigured
from delivery.health import Way
from delivery.lifecycle import State
from delivery.queue import LANES
from delivery.standing import Standing
from delivery.throttle import Bucket

MINUTES = 60
LATELY = 5
SWITCHES = 4  # shown of each way
# Counting and looking back stop here.
MOST_WAITING = 10_000
_MOST_ENTRIES = 100


@dataclass(frozen=True, slots=True)
class Answers:
    """What a provider answered, by kind; `took` is the sum of the seconds, `slowest` the most."""

    accepted: int = 0
    refused: int = 0
    transient: int = 0
    account: int = 0
    unknown: int = 0
    took: float = 0.0
    slowest: float = 0.0

    @property
    def count(self) -> int:
        """All of them."""
        return self.taken + self.failed

    @property
    def taken(self) -> int:
        """Those by which the message was done with: accepted, or refused for good."""
        return self.accepted + self.refused

    @property
    def failed(self) -> int:
        """Those that say something about the provider."""
        return self.transient + self.account + self.unknown

    @property
    def mean(self) -> float | None:
        """Seconds for one message; None without answers."""
        return self.took / self.count if self.count else None

    def __add__(self, other: "Answers") -> "Answers":
        """Both together."""
        names = [one.name for one in fields(self)]
        sums = {name: getattr(self, name) + getattr(other, name) for name in names}
        return Answers(**{**sums, "slowest": max(self.slowest, other.slowest)})


@dataclass(frozen=True, slots=True)
class Waiting:
    """Messages of a channel that have not left, counted to a bound; the oldest of those counted
    could have left `oldest` seconds ago."""

    count: int = 0
    oldest: float = 0.0

    @property
    def bounded(self) -> bool:
        """Whether there may be more."""
        return self.count >= MOST_WAITING


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One switch of a provider on a channel, from the audit trail."""

    at: datetime
    actor: str
    action: str
    reason: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Calls:
    """How many calls at a provider's hook, or reports in them, met one verdict so far; the last of
    them `age` seconds ago."""

    count: int
    age: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """All about one provider on one channel.

    `minutes` are the last 60, newest first; `share` is its part of what was taken on the channel
    in them, None where nothing was. `history` is newest first.
    """

    standing: Standing
    minutes: Sequence[Answers]
    share: float | None
    waiting: Waiting
    history: Sequence[Entry]
    throttle: Bucket | None
    calls: Mapping[str, Calls]  # by verdict; empty where nobody ever called

    @property
    def lately(self) -> Answers:
        """The answers of the last five minutes."""
        return sum(self.minutes[:LATELY], Answers())

    @property
    def since_switch(self) -> Answers:
        """Those of them that came since its breaker last opened or closed."""
        at, switched = self.standing.at, self.standing.switch.switched_at
        whole = LATELY if switched is None else int((at - switched).total_seconds() // 60)
        return sum(self.minutes[: min(whole, LATELY)], Answers())

    @property
    def hour(self) -> Answers:
        """The answers of the last hour."""
        return sum(self.minutes, Answers())


def read() -> list[Health]:
    """Every provider on every channel, in the order of the routes; six queries."""
    found = standing.read()
    minutes = _minutes()
    waiting = _waiting()
    history = _history({one.way.alias for one in found})
    calls = _calls()
    taken: dict[int, int] = defaultdict(int)
    for way, answers in minutes.items():
        taken[way.channel] += sum(one.taken for one in answers.values())
    return [
        Health(
            standing=one,
            minutes=[minutes[one.way].get(age, Answers()) for age in range(MINUTES)],
            share=_part(minutes[one.way].values(), of=taken[one.way.channel]),
            waiting=waiting.get(one.way.channel, Waiting()),
            history=history.get(one.way, ()),
            throttle=_bucket(one.way.alias),
            calls=calls.get(one.way.alias, {}),
        )
        for one in found
    ]


def _part(answers: Iterable[Answers], *, of: int) -> float | None:
    return sum(one.taken for one in answers) / of if of else None


_MINUTES = f"""
    SELECT provider, channel, floor(GREATEST(0, EXTRACT(epoch FROM clock.now - at) / 60))::int,
        sum(accepted)::int, sum(refused)::int, sum(transient)::int, sum(account)::int,
        sum(unknown)::int, sum(took), max(slowest)
    FROM delivery_sample, (SELECT statement_timestamp()) AS clock(now)
    WHERE at > clock.now - interval '{MINUTES} minutes'
    GROUP BY 1, 2, 3
"""  # noqa: S608 - a constant of ours


def _minutes() -> Mapping[Way, Mapping[int, Answers]]:
    found: dict[Way, dict[int, Answers]] = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(_MINUTES)
        for alias, channel, age, *sums in cursor.fetchall():
            found[Way(alias, channel)][age] = Answers(*sums)
    return found


# Asleep or due: a delivery is made when it may leave, so whatever is queued waits for a provider.
_WAITING = f"""
    SELECT c.channel, count(queued.accepted_at), GREATEST(0, COALESCE(
        EXTRACT(epoch FROM statement_timestamp() - min(queued.accepted_at)), 0))::float8
    FROM unnest(%(channels)s::smallint[]) AS c(channel), LATERAL (
        SELECT accepted_at FROM delivery AS t
        WHERE t.channel = c.channel AND t.state = {State.QUEUED:d} AND t.lane = ANY(%(lanes)s)
        LIMIT {MOST_WAITING}
    ) AS queued
    GROUP BY c.channel
"""  # noqa: S608


def _waiting() -> Mapping[int, Waiting]:
    numbers = [spec.number for spec in channels.every()]
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, {"channels": numbers, "lanes": list(LANES)})
        return {channel: Waiting(*rest) for channel, *rest in cursor.fetchall()}


_HISTORY = """
    SELECT alias, channel, at, actor, action, detail FROM (
        SELECT u.alias, (found.detail->>'channel')::int AS channel, found.*,
            row_number() OVER (
                PARTITION BY u.alias, found.detail->>'channel' ORDER BY found.id DESC)
        FROM unnest(%(aliases)s::text[]) AS u(alias), LATERAL (
            SELECT id, at, actor, action, detail FROM audit_entry
            WHERE target = 'provider:' || u.alias ORDER BY id DESC LIMIT %(entries)s
        ) AS found
    ) AS entries WHERE row_number <= %(most)s ORDER BY id DESC
"""


def _entry(said: Mapping[str, Any]) -> Entry:
    detail = json.loads(said["detail"])
    return Entry(
        at=said["at"],
        actor=said["actor"],
        action=said["action"],
        reason=str(detail.pop("reason", "")),
        detail=detail,
    )


def _history(aliases: Iterable[str]) -> Mapping[Way, Sequence[Entry]]:
    found: dict[Way, list[Entry]] = defaultdict(list)
    values: dict[str, Any] = {
        "aliases": sorted(aliases),
        "entries": _MOST_ENTRIES,
        "most": SWITCHES,
    }
    with connection.cursor() as cursor:
        cursor.execute(_HISTORY, values)
        columns = [column.name for column in cursor.description or ()]
        for row in cursor.fetchall():
            said = dict(zip(columns, row, strict=True))
            found[Way(said["alias"], said["channel"])].append(_entry(said))
    return found


def _bucket(alias: str) -> Bucket | None:
    try:
        return throttle.bucket_of(alias)
    except Misconfigured:  # the checks tell
        return None


_CALLS = """
    SELECT provider, verdict, calls, EXTRACT(epoch FROM clock_timestamp() - last_at)::float8
    FROM delivery_hook_count ORDER BY provider, verdict
"""


def _calls() -> Mapping[str, Mapping[str, Calls]]:
    found: dict[str, dict[str, Calls]] = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(_CALLS)
        for alias, verdict, calls, age in cursor.fetchall():
            found[alias][verdict] = Calls(calls, max(0.0, age))
    return found
