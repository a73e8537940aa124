"""Send what is due: claim, then per flight mark, seal, hand over, settle.

claim       lease a batch of due rows; their state stays
flight      what really goes out together: all of it, and no more, may be uncertain
mark        commit "may be out from now on"
seal        the last look: a Message, or Withdraw, or Wait
hand over   the provider's send(); no transaction is open
settle      what came of it, with its announcement, in one transaction
"""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby, islice
from typing import Any, cast
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils.module_loading import import_string

from delivery import announcements, backoff, channels, leases, queue, registry, routing, verdicts
from delivery.contracts import Message, Outcome, Parcel, Seal, Sealed, Wait, Withdraw
from delivery.errors import Misconfigured
from delivery.lifecycle import OutcomeKind, Reason, State, Uncertain
from delivery.queue import Row, Settled
from delivery.simulation import simulated
from delivery.verdicts import Tried, Verdict

log = structlog.get_logger(__name__)

# A flight is handed over soon after it was marked, or not at all: after a pause of the whole
# machine the rows may be somebody else's. From then on its lease is renewed until it has settled.
HANDOVER_SECONDS = 60
# What has not been marked by then is given back: others may be idle, and a worker must end soon
# when it is told to.
BATCH_SECONDS = 20.0
SETTLE_PAUSES = (0.1, 0.5, 1, 2, 4, 8)


def dispatch_due(lane: int, *, limit: int = queue.BATCH) -> int:
    """Send one batch of a lane's due deliveries; returns how many were claimed."""
    token, until = uuid4(), time.monotonic() + BATCH_SECONDS
    rows = queue.claim(lane, token=token, limit=limit)
    flights = _flights(rows)
    for alias, flight in flights:
        if alias is None:
            _settle([_without_provider(row, token) for row in flight], lane=lane)
        else:
            _fly(flight, alias=alias, token=token)
        if time.monotonic() >= until:
            queue.release([row.id for _, late in flights for row in late], token=token)
    return len(rows)


def recover(limit: int = queue.BATCH) -> int:
    """Decide about rows whose answer never came; returns how many."""
    token = uuid4()
    rows = queue.claim_limbo(token=token, limit=limit)
    by_lane = sorted(rows, key=lambda pair: pair[1].lane)
    for lane, group in groupby(by_lane, key=lambda pair: pair[1].lane):
        _settle([_lost(state, row, token) for state, row in group], lane=lane)
    return len(rows)


def _flights(rows: Sequence[Row]) -> Iterator[tuple[str | None, list[Row]]]:
    def way(row: Row) -> tuple[int, int, str, bool]:
        alias = routing.choose(row.channel, mode=row.mode, attempts=row.attempts)
        return row.channel, row.mode, alias or "", row.uncertain == Uncertain.STOP

    for (_, _, alias, alone), group in groupby(sorted(rows, key=way), key=way):
        size = 1 if alone or not alias else _flight_of(alias)
        while flight := list(islice(group, size)):
            yield alias or None, flight


def _flight_of(alias: str) -> int:
    try:
        return max(1, registry.get(alias).flight or 1)
    except Misconfigured:
        return queue.BATCH


def _fly(rows: Sequence[Row], *, alias: str, token: UUID) -> None:
    marked_at = _clock()
    ours = queue.mark([row.id for row in rows], token=token, provider=alias)
    flight = [row for row in rows if row.id in ours]
    sealed = _seal(flight)
    if _clock() - marked_at > HANDOVER_SECONDS:
        log.warning("flight_abandoned", provider=alias, deliveries=len(flight))
        sealed = {}
    with leases.kept([row.id for row in flight], token=token):
        _carry(flight, sealed, alias=alias, token=token)


def _carry(flight: Sequence[Row], sealed: dict[UUID, Sealed], *, alias: str, token: UUID) -> None:
    ready = [row for row in flight if isinstance(sealed.get(row.id), Message)]
    kept = [row for row in flight if not isinstance(sealed.get(row.id), Message)]
    settled = [_not_handed_over(row, sealed.get(row.id), alias, token) for row in kept]
    settled += _hand_over(ready, sealed, alias, token)
    if flight:
        _settle(settled, lane=flight[0].lane)


def _seal(flight: Sequence[Row]) -> dict[UUID, Sealed]:
    """The last look. Where it breaks over a message, that one is missing: it was not handed over,
    and the others leave."""
    try:
        seal = cast("Seal", import_string(settings.DELIVERY_SEAL))
        return seal([_parcel(row) for row in flight]) if flight else {}
    except Exception as error:  # noqa: BLE001 - a marked flight that is not settled is uncertain
        log.error("seal_broke", error=type(error).__name__, deliveries=len(flight))
        without_database = isinstance(error, OperationalError | InterfaceError)
    if len(flight) == 1 or without_database:
        return {}
    return {id_: answer for row in flight for id_, answer in _seal([row]).items()}


def _parcel(row: Row) -> Parcel:
    return Parcel(
        id=row.id,
        notification_id=row.notification_id,
        recipient_id=row.recipient_id,
        address_id=row.address_id,
        channel=row.channel,
        step=row.step,
        mode=row.mode,
    )


def _hand_over(
    flight: Sequence[Row], sealed: dict[UUID, Sealed], alias: str, token: UUID
) -> Iterator[Settled]:
    for taker, rows in _by_taker(flight, sealed, alias):
        waiting = {row.id: row for row in rows}
        messages = [cast("Message", sealed[row.id]) for row in rows]
        for outcome in _outcomes(taker, messages):
            if row := waiting.pop(outcome.reference, None):
                yield Settled(row, token, taker, outcome, _by(taker, _verdict(row, outcome)))
        for row in waiting.values():
            silence = Outcome(reference=row.id, kind=OutcomeKind.UNKNOWN, code="no_outcome")
            yield Settled(row, token, taker, silence, _verdict(row, silence))


def _by_taker(
    flight: Sequence[Row], sealed: dict[UUID, Sealed], alias: str
) -> Iterable[tuple[str, list[Row]]]:
    """Simulated addresses reach the simulator, whatever the route."""
    takers: dict[str, list[Row]] = {}
    for row in flight:
        message = cast("Message", sealed[row.id])
        by_address = alias != registry.TEST and simulated(message.address) is not None
        takers.setdefault(registry.SIMULATOR if by_address else alias, []).append(row)
    return takers.items()


def _by(taker: str, verdict: Verdict) -> Verdict:
    """A failure that was only simulated kills no address."""
    simulated_only = taker in (registry.SIMULATOR, registry.TEST)
    return replace(verdict, suppress=False) if simulated_only else verdict


def _outcomes(alias: str, messages: Sequence[Message]) -> Iterator[Outcome]:
    """A provider's outcomes; if it breaks half-way the rest simply has no answer."""
    try:
        taker = registry.get(alias)
    except Misconfigured:
        log.error("provider_misconfigured", provider=alias)
        for message in messages:
            yield Outcome(
                reference=message.reference, kind=OutcomeKind.ACCOUNT, code="misconfigured"
            )
        return
    try:
        for outcome in cast("Iterator[Any]", taker.send(messages)):
            if isinstance(outcome, Outcome) and isinstance(outcome.kind, OutcomeKind):
                yield outcome
            else:
                log.error("no_outcome", provider=alias, answer=type(outcome).__name__)
    except Exception as error:  # noqa: BLE001 - a flight must not take the batch down with it
        log.error("provider_broke", provider=alias, error=type(error).__name__)


def _settle(settled: Sequence[Settled], *, lane: int) -> None:
    """Write outcomes down; a database that restarts is waited for, because what is not settled
    must be called uncertain. Settling twice changes nothing the second time."""
    for pause in SETTLE_PAUSES:
        try:
            with transaction.atomic():
                announcements.announce(queue.settle(settled), lane=lane)
        except (OperationalError, InterfaceError) as error:
            log.warning("settle_again", error=type(error).__name__, deliveries=len(settled))
            connection.close()
            time.sleep(pause)
        else:
            return
    with transaction.atomic():
        announcements.announce(queue.settle(settled), lane=lane)


def _not_handed_over(row: Row, sealed: Sealed | None, alias: str, token: UUID) -> Settled:
    """What the last look held back or withdrew: no attempt was made of it. Nor was one handed over
    that could not be sealed, or came too late: a try that surely failed."""
    if sealed is None:
        failed = Outcome(reference=row.id, kind=OutcomeKind.TRANSIENT, code="not_sealed")
        return Settled(row, token, alias, failed, _verdict(row, failed))
    if isinstance(sealed, Wait):
        pause = max(0.0, (sealed.until - row.now).total_seconds())
        verdict = Verdict(state=State.QUEUED, reason=sealed.reason, retry_in=pause, refund=True)
    else:
        verdict = verdicts.withdrawn(cast("Withdraw", sealed).reason)
    return _unattempted(row, token, verdict)


def _without_provider(row: Row, token: UUID) -> Settled:
    return _unattempted(row, token, verdicts.withdrawn(Reason.NO_PROVIDER))


def _unattempted(row: Row, token: UUID, verdict: Verdict) -> Settled:
    nothing = Outcome(reference=row.id, kind=OutcomeKind.TRANSIENT)
    return Settled(row, token, "", nothing, verdict, attempted=False)


def _lost(state: State, row: Row, token: UUID) -> Settled:
    outcome = Outcome(reference=row.id, kind=OutcomeKind.UNKNOWN, code="answer_lost")
    if state is State.UNCERTAIN:
        return Settled(row, token, row.provider, outcome, verdicts.NEWS_OVERDUE, attempted=False)
    # The mark has counted this try already.
    verdict = _verdict(row, outcome, tries=row.attempts)
    return Settled(row, token, row.provider, outcome, verdict)


def _patience(row: Row) -> backoff.Profile:
    webhook = row.channel == channels.WEBHOOK.number
    return backoff.WEBHOOK if webhook else backoff.BY_LANE[row.lane]


def _verdict(row: Row, outcome: Outcome, *, tries: int | None = None) -> Verdict:
    now = row.now
    return verdicts.after(
        outcome.kind,
        Tried(
            attempts=row.attempts + 1 if tries is None else tries,
            unknowns=row.unknowns + (outcome.kind is OutcomeKind.UNKNOWN),
            age=(now - row.accepted_at).total_seconds(),
            profile=_patience(row),
            uncertain=Uncertain(row.uncertain),
            luck=random.random(),
            expires_in=(row.expires_at - now).total_seconds() if row.expires_at else None,
            retry_after=outcome.retry_after,
        ),
    )


# CLOCK_BOOTTIME goes on while the machine sleeps; elsewhere the monotonic clock must do.
_clock: Callable[[], float] = (
    (lambda: time.clock_gettime(time.CLOCK_BOOTTIME))
    if hasattr(time, "CLOCK_BOOTTIME")
    else time.monotonic
)
