"""The dispatcher of one worker: rows that wait for their provider, and flights under way."""

import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache, partial
from queue import Empty, SimpleQueue
from typing import Any, cast
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.utils.module_loading import import_string

from delivery import channels, health, leases, queue, registry, routing, throttle, verdicts
from delivery.contracts import Message, Outcome, Parcel, Seal, Sealed
from delivery.dispatch import handover, settlement
from delivery.dispatch.flights import Claimed, Flight, cut, in_order
from delivery.errors import Misconfigured
from delivery.health import Way
from delivery.lifecycle import OutcomeKind
from delivery.queue import Row, Settled
from notifysite.plumbing import claims
from notifysite.plumbing.failpoints import reached
from notifysite.plumbing.outages import is_outage

log = structlog.get_logger(__name__)

# What has not been marked by then is given back: others may be idle, and a lease ends soon after.
BATCH_SECONDS = 20.0
POLL_SECONDS = 0.05
# Rows beyond those that wait for a provider already come back a little later.
MOST_WAITING = queue.BATCH
CROWDED_PAUSE = 2.0

# A flight that takes longer than this waits for a server that is slow.
SLOW_SECONDS = 0.25

_LIVE = 1  # notifications.words.Mode.LIVE


class Dispatcher:
    """Claims what is due in a lane and keeps each provider busy.

    A provider that is slow, throttled or down holds up only rows that nobody else may take. It has
    one flight under way; more, as many as it can do with, once the last one went well; or, where
    each message has a server of its own, while one of those is slow.
    """

    def __init__(self, lane: int) -> None:
        self._lane = lane
        self._waiting: dict[Way, deque[Claimed]] = {}
        self._not_before: dict[Way, float] = {}
        self._under_way: dict[Way, list[Flight]] = {}
        self._well: set[Way] = set()
        self._landed: SimpleQueue[Flight] = SimpleQueue()
        self._looked_at = time.monotonic()

    @property
    def busy(self) -> bool:
        """Whether anything waits or is under way."""
        return bool(self._waiting or self._under_way)

    @property
    def idle(self) -> bool:
        """Whether nothing waits, though something may be under way."""
        return not self._waiting

    @property
    def is_held_up(self) -> bool:
        """Whether somebody slow is waited for."""
        return any(_one_is_slow(flights) for flights in self._under_way.values())

    def claim(self, *, limit: int = queue.BATCH) -> int:
        """Claim what is due where a provider is free, and send it off; returns how many rows."""
        token, free = claims.token(), self.free_channels()
        rows = queue.claim(self._lane, token=token, limit=limit, only=free) if free else []
        self.take(rows, token)
        return len(rows)

    def take(self, rows: Sequence[Row], token: UUID) -> None:
        """Send off rows of the lane that are claimed under this token."""
        if rows:
            reached("dispatch.claimed")
        self._assign([Claimed(row, token) for row in rows])
        self._take_off()

    def land(self, *, wait: float = 0.0) -> int:
        """Settle flights that have come back, for the first of which `wait` seconds are spent, and
        send off what waits; returns how many rows were settled."""
        settled = self._settle_landed(wait)
        self._give_back_late()
        self._take_off()
        return settled

    def __enter__(self) -> "Dispatcher":
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for what is under way, whatever went wrong, and give back what waits."""
        while self._under_way:
            try:
                self._settle_landed(POLL_SECONDS)
            except Exception as error:  # noqa: BLE001 - the others under way have landed all the same
                log.error("flight_not_settled", error=type(error).__name__)
        with suppress(DatabaseError, InterfaceError):  # else they fall due with their leases
            self._give_back(lambda _: True)

    def free_channels(self) -> list[int]:
        """The channels with a provider for which nothing waits, and those without any."""
        return [spec.number for spec in channels.every() if self._has_room(_ways(spec.number))]

    def _has_room(self, ways: Sequence[Way]) -> bool:
        return not ways or any(way not in self._waiting for way in ways)

    def _assign(self, claimed: Sequence[Claimed]) -> None:
        """Let each wait for the provider that is to take it; nobody's are settled or given back."""
        nobody: list[Settled] = []
        later: list[tuple[Claimed, float]] = []
        takers = cache(routing.takers)  # most rows of a batch ask for the same
        for one in in_order(claimed):
            choice = takers(**_asked(one)).choose(routing.luck_of(one.row.id))
            way = Way(choice.alias, one.row.channel)
            if choice.wait:
                later.append((one, choice.wait))
            elif not choice.alias:
                nobody.append(settlement.without_provider(one))
            elif len(self._waiting.get(way, ())) >= MOST_WAITING:
                later.append((one, CROWDED_PAUSE))
            else:
                self._waiting.setdefault(way, deque()).append(one)
        if nobody:
            settlement.write(nobody, lane=self._lane)
        queue.release(
            [one.leased for one, _ in later], waits=[_spread(one, wait) for one, wait in later]
        )

    def _take_off(self) -> None:
        held: set[Way] = set()
        while ways := [way for way in self._waiting if way not in held]:
            for way in ways:
                if self._has_runway(way) and (flight := self._next(way)):
                    self._depart(flight)
                else:
                    held.add(way)

    def _has_runway(self, way: Way) -> bool:
        """Whether a flight may leave now."""
        under_way = self._under_way.get(way)
        if not under_way:
            return True
        traits = registry.traits(way.alias)
        return (
            len(under_way) < traits.flights
            and (_one_is_slow(under_way) if traits.apart else way in self._well)
            and health.pulse(way).is_closed
            and not self._waiting[way][0].is_alone(way)
            and not any(flight.is_alone for flight in under_way)
        )

    def _next(self, way: Way) -> Flight | None:
        """The next flight of a provider, as large as its breaker and its throttle allow."""
        pulse = health.pulse(way)
        if pulse.wait():
            self._assign(self._waiting.pop(way))
            return None
        if time.monotonic() < self._not_before.get(way, 0.0):
            return None
        probe = not pulse.is_closed
        rows = self._granted(way, 1 if probe else None)
        if rows and probe and not health.take_probe(way):
            self._assign([*rows, *self._waiting.pop(way, ())])
            return None
        return Flight(way, rows, probe, drilled=pulse.is_drilled) if rows else None

    def _granted(self, way: Way, most: int | None) -> list[Claimed]:
        waiting = self._waiting[way]
        rows = cut(waiting, alias=way.alias, beside=way in self._under_way)
        granted = _allowed(way.alias, min(len(rows), most or len(rows)))
        if granted.wait:
            self._not_before[way] = time.monotonic() + granted.wait
        waiting.extendleft(reversed(rows[granted.tokens :]))
        if not waiting:
            del self._waiting[way]
        return rows[: granted.tokens]

    def _depart(self, flight: Flight) -> None:
        """Mark, seal, hand over."""
        flight.marked_at = handover.clock()
        ours = queue.mark([one.leased for one in flight.rows], provider=flight.way.alias)
        reached("dispatch.marked")
        if len(ours) < len(flight.rows):
            flight.rows = [one for one in flight.rows if one.leased in ours]
        flight.lease = leases.keep([one.leased for one in flight.rows])
        try:
            flight.sealed = _seal(flight.rows)
            reached("dispatch.sealed")
            under_way = handover.begin(flight, self._landed)
        except BaseException:
            leases.let_go(flight.lease)
            raise
        if under_way:
            self._under_way.setdefault(flight.way, []).append(flight)
        else:
            self._settle(flight)

    def _settle_landed(self, wait: float) -> int:
        settled = 0
        while self._under_way:
            try:
                flight = self._landed.get(timeout=0.0 if settled else wait)
            except Empty:
                break
            settled += len(flight.rows)
            self._under_way[flight.way].remove(flight)
            if not self._under_way[flight.way]:
                del self._under_way[flight.way]
            self._settle(flight)
        return settled

    def _settle(self, flight: Flight) -> None:
        reached("dispatch.landed")
        try:
            settled, onward = settlement.outlast(partial(self._outcomes, flight))
            if settled:
                settlement.write(settled, lane=self._lane, way=flight.way)
        finally:
            leases.let_go(flight.lease)
        traits = registry.traits(flight.way.alias)
        if not traits.local:  # what is ours is down with all of us
            answers = settlement.answers_of(flight.way.alias, settled)
            self._note(flight.way, answers)
            if flight.probe or not traits.apart:
                health.judge(flight.way, answers, probe=flight.probe)
        self._assign(onward)

    def _note(self, way: Way, answers: Sequence[Outcome]) -> None:
        if answers and all(outcome.kind in health.WELL for outcome in answers):
            self._well.add(way)
        else:
            self._well.discard(way)

    def _outcomes(self, flight: Flight) -> tuple[list[Settled], list[Claimed]]:
        """What becomes of each row; and those that another provider is to take at once."""
        answered = {outcome.reference: (by, outcome) for by, outcome in reversed(flight.answers)}
        settled: list[Settled] = []
        onward: list[Claimed] = []
        for claimed in flight.rows:
            sealed = flight.sealed.get(claimed.row.id)
            by, outcome = answered.get(claimed.row.id, ("", None))
            if not isinstance(sealed, Message):
                alias = flight.way.alias
                settled.append(settlement.not_handed_over(claimed, sealed, alias=alias))
            elif outcome is None:
                settled.append(settlement.silent(claimed, alias=flight.way.alias))
            elif _fails_over(claimed, outcome, by=by, way=flight.way):
                settled.append(settlement.handed_on(claimed, outcome, taker=by))
                onward.append(_after(claimed, outcome, by))
            else:
                probe = flight.probe and by == flight.way.alias
                settled.append(settlement.judged(claimed, outcome, taker=by, probe=probe))
        return settled, onward

    def _give_back_late(self) -> None:
        now = time.monotonic()
        if now - self._looked_at > BATCH_SECONDS / 20:
            self._looked_at = now
            self._give_back(lambda claimed: now - claimed.since > BATCH_SECONDS)

    def _give_back(self, late: Callable[[Claimed], bool]) -> None:
        given: list[Claimed] = []
        for way, waiting in list(self._waiting.items()):
            given += [one for one in waiting if late(one)]
            self._waiting[way] = deque(one for one in waiting if not late(one))
            if not self._waiting[way]:
                del self._waiting[way]
        queue.release([one.leased for one in given])


def _one_is_slow(under_way: Sequence[Flight]) -> bool:
    return any(handover.clock() - flight.marked_at > SLOW_SECONDS for flight in under_way)


def _ways(channel: int) -> list[Way]:
    return [Way(alias, channel) for alias in routing.aliases(channel, mode=_LIVE)]


def _spread(claimed: Claimed, wait: float) -> float:
    """So that one comes first, for the probe, and the others not all at once; and that the probe
    is not always the same one, those that were tried come last."""
    spread = 2 + wait / 10
    return wait + spread * (random.random() + (claimed.row.attempts > 0))


def _allowed(alias: str, wanted: int) -> throttle.Granted:
    """What its throttle grants; one that cannot be read holds up its own provider only."""
    try:
        return throttle.take(alias, wanted)
    except Misconfigured as error:
        log.error("throttle_misconfigured", provider=alias, error=str(error))
        return throttle.Granted(0, CROWDED_PAUSE)


def _asked(claimed: Claimed) -> dict[str, Any]:
    """What routing is asked about it."""
    row = claimed.row
    # Where an answer was lost the message may be there: no other provider is given it.
    stay = row.provider if row.unknowns else ""
    return {
        "channel": row.channel,
        "kind": row.address_kind,
        "mode": row.mode,
        "stay": stay,
        "tried": claimed.tried,
    }


def _fails_over(claimed: Claimed, outcome: Outcome, *, by: str, way: Way) -> bool:
    """Whether another provider may and can take it now."""
    if by != way.alias or claimed.row.unknowns or not verdicts.may_fail_over(outcome.kind):
        return False
    return bool(routing.takers(**_asked(claimed) | {"tried": claimed.tried | {by}}).free)


def _after(claimed: Claimed, outcome: Outcome, by: str) -> Claimed:
    counts = outcome.kind is not OutcomeKind.ACCOUNT
    row = claimed.row._replace(attempts=claimed.row.attempts + counts)
    return Claimed(row, claimed.lease, claimed.tried | {by})


def _seal(flight: Sequence[Claimed]) -> dict[UUID, Sealed]:
    """The last look. Where it breaks over a message, that one is missing: it was not handed over,
    and the others leave."""
    try:
        seal = cast("Seal", import_string(settings.DELIVERY_SEAL))
        return seal([_parcel(one) for one in flight]) if flight else {}
    except Exception as error:  # noqa: BLE001 - a marked flight that is not settled is uncertain
        log.error("seal_broke", error=type(error).__name__, deliveries=len(flight))
        without_database = is_outage(error)
    if len(flight) == 1 or without_database:
        return {}
    return {id_: answer for one in flight for id_, answer in _seal([one]).items()}


def _parcel(claimed: Claimed) -> Parcel:
    row = claimed.row
    return Parcel(
        row.id, row.notification_id, row.recipient_id, row.address_id, row.channel, row.step,
        row.mode,
    )  # fmt: skip
