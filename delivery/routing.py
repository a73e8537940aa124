"""Which provider takes a message: the aliases of its channel, in order."""

import time
from collections.abc import Sequence

from django.conf import settings

from delivery import channels, registry
from delivery.models import Route

CACHE_SECONDS = 1.0

TEST_MODE = 3  # notifications.words.Mode.TEST: delivery knows modes only as numbers

_cached: tuple[float, dict[int, list[str]]] = (0.0, {})


def aliases(channel: int, *, mode: int) -> Sequence[str]:
    """The aliases that may carry a channel, best first; test keys reach the simulator only."""
    if mode == TEST_MODE:
        return [registry.TEST] if registry.carries(registry.TEST, channel) else []
    rows = _routes()
    if channel in rows:
        return rows[channel]
    return settings.DELIVERY_ROUTES.get(channels.by_number(channel).key, [])


def choose(channel: int, *, mode: int, attempts: int) -> str | None:
    """The alias for the next try: each try after a failed one asks the next provider."""
    there = aliases(channel, mode=mode)
    return there[attempts % len(there)] if there else None


def forget() -> None:
    """Read the routes again at the next look."""
    global _cached
    _cached = (0.0, {})


def _routes() -> dict[int, list[str]]:
    global _cached
    read_at, routes = _cached
    if time.monotonic() - read_at > CACHE_SECONDS:
        routes = {}
        for route in Route.objects.order_by("channel", "position", "id"):
            # One that is not configured any more must not hold up the whole lane.
            configured = route.provider in settings.DELIVERY_PROVIDERS
            usable = configured and route.enabled and route.weight > 0
            routes.setdefault(route.channel, []).extend([route.provider] if usable else [])
        _cached = (time.monotonic(), routes)
    return routes
