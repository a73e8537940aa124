"""How every provider stands on every channel now, and what share of the messages it is given."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from itertools import groupby

from django.conf import settings
from django.db import connection

from delivery import channels, registry
from delivery.health import Way
from delivery.models import Route


class State(StrEnum):
    """What matters most about a provider on a channel; the first of these that holds."""

    NOT_CONFIGURED = "not_configured"  # a route of the table names what settings do not
    DISABLED = "disabled"  # switched off, or of no weight
    NOT_ROUTED = "not_routed"  # it could carry the channel, and is in no route
    DRAINED = "drained"
    OPEN = "open"  # left alone until its probe
    PROBING = "probing"  # the next message tries it, or one is trying it now
    DRILLED = "drilled"  # every call is failed on purpose
    WELL = "well"


_OUT_OF_ROUTE = frozenset({State.NOT_CONFIGURED, State.DISABLED, State.NOT_ROUTED})
# These are given no new message, or one that tries them.
IDLE = _OUT_OF_ROUTE | {State.DRAINED, State.OPEN, State.PROBING}


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """The switches of a breaker, on the database's clock; `reason` is that of its last turn."""

    open_until: datetime | None = None
    probe_until: datetime | None = None
    drained: bool = False
    drill_until: datetime | None = None
    switched_at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A provider's place on its channel's route; `from_table`: the settings do not say so."""

    position: int
    weight: int = 100
    enabled: bool = True
    from_table: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A provider on a channel, `at` a moment of the database's clock.

    `by_weight` is the share of messages its route means for it while all are well, `takes` the
    share it is given now. `turn` is None where it is in no route.
    """

    way: Way
    at: datetime
    state: State
    switch: Switch = field(default_factory=Switch)
    turn: Turn | None = None
    by_weight: float = 0.0
    takes: float = 0.0

    @property
    def in_route(self) -> bool:
        """Whether it is given messages, or would be if it were well and not drained."""
        return self.state not in _OUT_OF_ROUTE

    @property
    def drilled(self) -> bool:
        """Whether a drill runs, in whatever state it is."""
        return self.switch.drill_until is not None and self.switch.drill_until > self.at


def read(*, channel: int | None = None) -> list[Standing]:
    """How all stand, by channel in the order in which they are tried; two queries.

    `channel`: of this one only.
    """
    at, switches = _switches()
    table = _table()
    found: list[Standing] = []
    for spec in channels.every():
        if channel in (None, spec.number):
            turns = table.get(spec.number) or _from_settings(spec)
            found += _shared(_of_channel(spec, turns, switches, at))
    return found


_SWITCHES = """
    SELECT clock.now, provider, channel, until, probe_until, drained, drill_until, switched_at,
        reason
    FROM (SELECT clock_timestamp()) AS clock(now) LEFT JOIN delivery_breaker ON true
"""


def _switches() -> tuple[datetime, Mapping[Way, Switch]]:
    with connection.cursor() as cursor:
        cursor.execute(_SWITCHES)
        rows = cursor.fetchall()
    switches = {
        Way(provider, channel): Switch(
            open_until=until,
            probe_until=probed,
            drained=drained,
            drill_until=drilled,
            switched_at=switched if reason else None,  # else it has only been drained or drilled
            reason=reason,
        )
        for _, provider, channel, until, probed, drained, drilled, switched, reason in rows
        if provider is not None
    }
    return rows[0][0], switches


def _table() -> Mapping[int, Mapping[str, Turn]]:
    found: dict[int, dict[str, Turn]] = {}
    for row in Route.objects.order_by("channel", "position", "id"):
        found.setdefault(row.channel, {})[row.provider] = Turn(
            position=row.position, weight=row.weight, enabled=row.enabled, from_table=True
        )
    return found


def _from_settings(spec: channels.ChannelSpec) -> Mapping[str, Turn]:
    named = settings.DELIVERY_ROUTES.get(spec.key, [])
    return {alias: Turn(position=position) for position, alias in enumerate(named, 1)}


def _of_channel(
    spec: channels.ChannelSpec,
    turns: Mapping[str, Turn],
    switches: Mapping[Way, Switch],
    at: datetime,
) -> Iterator[Standing]:
    carrying = registry.aliases(spec)
    for alias in dict.fromkeys((*turns, *carrying)):
        way, turn = Way(alias, spec.number), turns.get(alias)
        switch = switches.get(way, Switch())
        state = _out_of_route(alias, turn) or _switched(switch, at)
        yield Standing(way=way, at=at, state=state, switch=switch, turn=turn)


def _out_of_route(alias: str, turn: Turn | None) -> State | None:
    if turn is None:  # whatever the routes say, test keys use their own
        return None if alias == registry.TEST else State.NOT_ROUTED
    if alias not in settings.DELIVERY_PROVIDERS:
        return State.NOT_CONFIGURED
    return None if turn.enabled and turn.weight else State.DISABLED


def _switched(switch: Switch, at: datetime) -> State:
    if switch.drained:
        return State.DRAINED
    if switch.open_until is not None:
        return State.OPEN if switch.open_until > at else State.PROBING
    drilled = switch.drill_until is not None and switch.drill_until > at
    return State.DRILLED if drilled else State.WELL


def _shared(standings: Iterable[Standing]) -> list[Standing]:
    """With the shares: the first position takes all, by weight; the others stand by."""
    there = list(standings)
    routed = [one for one in there if one.turn is not None and one.in_route]
    meant = _shares(routed)
    now = _shares([one for one in routed if one.state not in IDLE])
    return [
        replace(one, by_weight=meant.get(one.way, 0.0), takes=now.get(one.way, 0.0))
        for one in there
    ]


def _shares(standings: Sequence[Standing]) -> Mapping[Way, float]:
    by_position = sorted(
        ((one.turn.position, one.turn.weight, one.way) for one in standings if one.turn),
    )
    for _, group in groupby(by_position, key=lambda one: one[0]):
        first = list(group)
        weights = sum(weight for _, weight, _ in first)
        return {way: weight / weights for _, weight, way in first}
    return {}
