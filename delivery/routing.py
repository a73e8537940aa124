"""Which provider takes a message: the first that is well, in the order and by the weights of its
channel's route."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from delivery import channels, health, registry
from delivery.health import Way
from delivery.models import Route

CACHE_SECONDS = 1.0

TEST_MODE = 3  # notifications.words.Mode.TEST: delivery knows modes only as numbers

_EVEN = 100  # the weight of a way that settings name


@dataclass(frozen=True, slots=True)
class Turn:
    """A provider's place on its channel: lower positions first, by weight within one."""

    alias: str
    position: int
    weight: int = _EVEN


@dataclass(frozen=True, slots=True)
class Choice:
    """Who takes it; nobody for `wait` seconds; or, without either, nobody at all."""

    alias: str = ""
    wait: float = 0.0


_cached: tuple[float, dict[int, list[Turn]]] = (-math.inf, {})


def aliases(channel: int, *, mode: int, kind: int | None = None) -> Sequence[str]:
    """The aliases that may carry a channel, best first; test keys reach the simulator only.

    `kind`: of them those that take such an address, by channels.KINDS.
    """
    return [turn.alias for turn in turns(channel, mode=mode) if _takes(turn.alias, kind)]


def kinds(channel: int, *, mode: int) -> frozenset[str] | None:
    """The kinds of addresses that somebody on a channel takes; None where somebody takes all."""
    taken = [registry.traits(alias).kinds for alias in aliases(channel, mode=mode)]
    return frozenset().union(*taken) if all(taken) else None


def turns(channel: int, *, mode: int) -> Sequence[Turn]:
    """The same with position and weight; the Route table overrules the settings."""
    if mode == TEST_MODE:
        return [Turn(registry.TEST, 1)] if registry.carries(registry.TEST, channel) else []
    rows = _routes()
    if channel in rows:
        return rows[channel]
    named = settings.DELIVERY_ROUTES.get(channels.by_number(channel).key, [])
    return [Turn(alias, position) for position, alias in enumerate(named, 1)]


@dataclass(frozen=True, slots=True)
class Takers:
    """Those that may take a message now, by their weights; or how long nobody may."""

    free: tuple[Turn, ...] = ()
    wait: float = 0.0

    def choose(self, luck: float) -> Choice:
        """One of them; `luck` in [0, 1) picks among their weights."""
        if not self.free:
            return Choice(wait=self.wait)
        return Choice((self.free[0] if len(self.free) == 1 else _weighted(self.free, luck)).alias)


def takers(
    channel: int,
    *,
    mode: int,
    kind: int | None = None,
    stay: str = "",
    tried: frozenset[str] = frozenset(),
) -> Takers:
    """Who may have the next try, in a round in which those of `tried` have failed already.

    `kind`: of its address, by channels.KINDS. `stay`: only this one, while it is still on the
    channel, because it may have the message already.
    """
    there = [turn for turn in turns(channel, mode=mode) if _takes(turn.alias, kind)]
    there = [turn for turn in there if turn.alias not in tried]
    there = [turn for turn in there if turn.alias == stay] or there
    waits = [health.pulse(Way(turn.alias, channel)).wait() for turn in there]
    free = [turn for turn, wait in zip(there, waits, strict=True) if not wait]
    if not free:
        return Takers(wait=min(waits, default=0.0))
    first = min(turn.position for turn in free)
    return Takers(tuple(turn for turn in free if turn.position == first))


def choose(
    channel: int,
    *,
    mode: int,
    luck: float,
    kind: int | None = None,
    stay: str = "",
    tried: frozenset[str] = frozenset(),
) -> Choice:
    """The provider for the next try; see `takers`, and how they are chosen from."""
    return takers(channel, mode=mode, kind=kind, stay=stay, tried=tried).choose(luck)


def luck_of(delivery: UUID) -> float:
    """A number in [0, 1) that is a delivery's own, so that it keeps its way while others last."""
    return (delivery.int & 0xFFFFFFFF) / 2**32


def forget() -> None:
    """Read the routes again at the next look, and how their providers are."""
    global _cached
    _cached = (-math.inf, {})
    health.forget()


def _takes(alias: str, kind: int | None) -> bool:
    taken = registry.traits(alias).kinds if kind else ()
    return not taken or kind in {channels.KINDS.get(word) for word in taken}


def _weighted(turns: Sequence[Turn], luck: float) -> Turn:
    mark = luck * sum(turn.weight for turn in turns)
    for turn in turns:
        mark -= turn.weight
        if mark < 0:
            return turn
    return turns[-1]


def _routes() -> dict[int, list[Turn]]:
    global _cached
    read_at, routes = _cached
    if time.monotonic() - read_at > CACHE_SECONDS:
        routes = {}
        for route in Route.objects.order_by("channel", "position", "id"):
            # One that is not configured any more must not hold up the whole lane.
            configured = route.provider in settings.DELIVERY_PROVIDERS
            usable = configured and route.enabled and route.weight > 0
            turn = Turn(route.provider, route.position, route.weight)
            routes.setdefault(route.channel, []).extend([turn] if usable else [])
        _cached = (time.monotonic(), routes)
    return routes
