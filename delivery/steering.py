"""What operators do about a provider on a channel: drain it, drill its failure, have it tried now,
change its place on the route.

Each deed is done once however often it is asked for, says whether it changed anything, and is in
the audit trail with who did it and why. All workers know of it within a second; a flight that is
under way is not called back.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max

from delivery import channels, registry, routing
from delivery.errors import DeliveryError
from delivery.health import Way
from delivery.lifecycle import State
from delivery.models import Route
from delivery.queue import LANES
from notifysite.plumbing import audit

log = structlog.get_logger(__name__)

DRILL_SECONDS = 60
LONGEST_DRILL = 15 * 60
MOST_WEIGHT = 10_000
EVEN_WEIGHT = 100

# Beside its probe, so many messages are woken that sleep until then.
WOKEN = 5_000


class NotCarried(DeliveryError, LookupError):
    """No such provider on this channel; the text says which there are."""


def drain(way: Way, *, actor: str, reason: str = "") -> bool:
    """Give it no new message: others take them, or they wait for it. Raises NotCarried."""
    return _turn(_DRAIN, way, "provider.drained", actor=actor, reason=reason)


def resume(way: Way, *, actor: str, reason: str = "") -> bool:
    """End a drain. Raises NotCarried."""
    return _turn(_RESUME, way, "provider.resumed", actor=actor, reason=reason)


def drill(way: Way, *, actor: str, seconds: int = DRILL_SECONDS, reason: str = "") -> bool:
    """Fail every call to it, without making one, for 1 to 900 seconds; a drill that runs goes on
    as it is. Raises NotCarried, and ValueError for other lengths."""
    if not 1 <= seconds <= LONGEST_DRILL:
        raise ValueError(f"a drill lasts from 1 to {LONGEST_DRILL} seconds")
    return _turn(
        _DRILL, way, "provider.drill_started", actor=actor, reason=reason, seconds=seconds
    )  # fmt: skip


def end_drill(way: Way, *, actor: str, reason: str = "") -> bool:
    """Call it again, at once if the drill has opened its breaker. Raises NotCarried."""
    return _wake(_END_DRILL, way, "provider.drill_ended", actor=actor, reason=reason)


def try_now(way: Way, *, actor: str, reason: str = "") -> bool:
    """Let the next message probe an open one, instead of when its time has come; messages that
    sleep until then are woken. Raises NotCarried."""
    return _wake(_TRY_NOW, way, "provider.tried_now", actor=actor, reason=reason)


def enable(way: Way, *, actor: str, reason: str = "") -> bool:
    """Put it on its channel's route; one that was not there comes last. Raises NotCarried."""
    return _route(way, _enable, "route.enabled", actor=actor, reason=reason)


def disable(way: Way, *, actor: str, reason: str = "") -> bool:
    """Take it out of its channel's route. Where nobody is left, what waits fails with
    `no_provider` and what is new is skipped. Raises NotCarried."""
    return _route(way, _disable, "route.disabled", actor=actor, reason=reason)


def weigh(way: Way, weight: int, *, actor: str, reason: str = "") -> bool:
    """Give it `weight` parts of what its position on the route takes; 0 takes it out. Raises
    NotCarried also for one in no route, and ValueError for weights outside 0 to 10,000."""
    if not 0 <= weight <= MOST_WEIGHT:
        raise ValueError(f"a weight is a number from 0 to {MOST_WEIGHT}")

    def weighed(way: Way) -> bool:
        rows = _rows(way)
        if not rows.exists():
            raise NotCarried(f"{way.alias!r} is not on the route of {_label(way)}: enable it first")
        return bool(rows.exclude(weight=weight).update(weight=weight))

    return _route(way, weighed, "route.weighed", actor=actor, reason=reason, weight=weight)


_DRAIN = """
    INSERT INTO delivery_breaker AS b (provider, channel, opens, drained, reason)
    VALUES (%(alias)s, %(channel)s, 0, true, '')
    ON CONFLICT (provider, channel) DO UPDATE SET drained = true WHERE NOT b.drained
"""
_RESUME = """
    UPDATE delivery_breaker SET drained = false
    WHERE provider = %(alias)s AND channel = %(channel)s AND drained
"""
_DRILL = """
    INSERT INTO delivery_breaker AS b (provider, channel, opens, drained, reason, drill_until)
    VALUES (%(alias)s, %(channel)s, 0, false, '',
        clock_timestamp() + %(seconds)s * interval '1 second')
    ON CONFLICT (provider, channel) DO UPDATE SET drill_until = EXCLUDED.drill_until
    WHERE b.drill_until IS NULL OR b.drill_until <= clock_timestamp()
"""
_WAS = """
    SELECT id, until FROM delivery_breaker
    WHERE provider = %(alias)s AND channel = %(channel)s FOR NO KEY UPDATE
"""
_END_DRILL = f"""
    WITH was AS ({_WAS})
    UPDATE delivery_breaker AS b
    SET drill_until = NULL,
        until = CASE WHEN b.until > clock_timestamp() THEN clock_timestamp() ELSE b.until END
    FROM was WHERE b.id = was.id AND b.drill_until > clock_timestamp()
    RETURNING was.until
"""  # noqa: S608 - statements of our own
_TRY_NOW = f"""
    WITH was AS ({_WAS})
    UPDATE delivery_breaker AS b SET until = clock_timestamp()
    FROM was WHERE b.id = was.id AND b.until > clock_timestamp()
    RETURNING was.until
"""  # noqa: S608


def _turn(statement: str, way: Way, action: str, *, actor: str, reason: str, **more: Any) -> bool:
    check(way)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, {"alias": way.alias, "channel": way.channel, **more})
        changed = bool(cursor.rowcount)
        if changed:
            _record(way, action, actor=actor, reason=reason, **more)
    routing.forget()
    return changed


def _wake(statement: str, way: Way, action: str, *, actor: str, reason: str) -> bool:
    check(way)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, {"alias": way.alias, "channel": way.channel})
        found = cursor.fetchone()
        if found:
            _record(way, action, actor=actor, reason=reason)
        if found and found[0]:
            _wake_messages(way, asleep_until=found[0])
    routing.forget()
    return bool(found)


# What slept until the probe was spread over a little more. In each lane the first goes at once, as
# the probe; the others when it has had time to come back. Not those that wait for a turn of their
# own, or for what the last look said.
_MESSAGES = f"""
    WITH woken AS MATERIALIZED (
        SELECT due.id, due.due_at, l.lane FROM unnest(%(lanes)s::smallint[]) AS l(lane), LATERAL (
            SELECT t.id, t.due_at FROM delivery AS t
            WHERE t.lane = l.lane AND t.channel = %(channel)s AND t.state = {State.QUEUED:d}
                AND t.due_at > clock_timestamp()
                AND t.due_at < %(until)s + interval '2 minutes'
                AND t.accepted_at <= clock_timestamp() AND t.lease IS NULL AND t.reason IS NULL
            ORDER BY t.due_at LIMIT {WOKEN} FOR NO KEY UPDATE SKIP LOCKED
        ) AS due
    ), turns AS (
        SELECT id, row_number() OVER (PARTITION BY lane ORDER BY due_at) AS n FROM woken
    )
    UPDATE delivery AS d
    SET due_at = clock_timestamp()
        + CASE WHEN n = 1 THEN 0 ELSE 2 + 8 * random() END * interval '1 second'
    FROM turns WHERE d.id = ANY(ARRAY(SELECT id FROM woken)) AND d.id = turns.id
"""  # noqa: S608


def _wake_messages(way: Way, *, asleep_until: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            _MESSAGES, {"lanes": list(LANES), "channel": way.channel, "until": asleep_until}
        )


def _route(
    way: Way,
    change: Callable[[Way], bool],
    action: str,
    *,
    actor: str,
    reason: str,
    **more: Any,
) -> bool:
    """A change that turns out to be none leaves the settings in charge of the route."""
    check(way)
    with transaction.atomic():
        adopted = _adopt(way.channel)
        changed = change(way)
        if changed:
            _record(way, action, actor=actor, reason=reason, **more)
        elif adopted:
            transaction.set_rollback(True)
    routing.forget()
    return changed


def _adopt(channel: int) -> bool:
    """Bring a route that only settings name into the table, in its order; False if it is there."""
    if Route.objects.filter(channel=channel).exists():
        return False
    named = settings.DELIVERY_ROUTES.get(channels.by_number(channel).key, [])
    Route.objects.bulk_create(
        [
            Route(channel=channel, provider=alias, position=position, weight=EVEN_WEIGHT)
            for position, alias in enumerate(named, 1)
        ],
        ignore_conflicts=True,  # somebody else may be at it
    )
    return True


def _enable(way: Way) -> bool:
    rows = _rows(way)
    if not rows.exists():
        last = Route.objects.filter(channel=way.channel).aggregate(last=Max("position"))["last"]
        position = (last or 0) + 1
        Route.objects.create(channel=way.channel, provider=way.alias, position=position)
        return True
    weighed = rows.filter(weight=0).update(weight=EVEN_WEIGHT)
    return bool(rows.filter(enabled=False).update(enabled=True) or weighed)


def _disable(way: Way) -> bool:
    return bool(_rows(way).filter(enabled=True).update(enabled=False))


def _rows(way: Way) -> Any:
    return Route.objects.filter(channel=way.channel, provider=way.alias)


def check(way: Way) -> None:
    """Raises NotCarried where the provider does not carry the channel."""
    there = carriers(way.channel)
    if way.alias not in there:
        raise NotCarried(
            f"No provider {way.alias!r} carries {_label(way)}; configured for it: "
            f"{', '.join(there) or 'none'}."
        )


def carriers(channel: int) -> Sequence[str]:
    """The aliases that can be steered on a channel."""
    return registry.aliases(channels.by_number(channel))


def _label(way: Way) -> str:
    return channels.by_number(way.channel).label


def _record(way: Way, action: str, *, actor: str, reason: str, **more: Any) -> None:
    log.warning(action.replace(".", "_"), provider=way.alias, channel=way.channel, by=actor, **more)
    audit.record(
        actor=actor,
        action=action,
        target=f"provider:{way.alias}",
        detail={"channel": way.channel, "reason": reason, **more},
    )
