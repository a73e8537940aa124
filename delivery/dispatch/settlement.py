"""From a provider's answer to what becomes of the row, and writing it down."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar, cast
from uuid import UUID

import structlog
from django.db import DatabaseError, InterfaceError, connection

from delivery import backoff, channels, health, queue, registry, routing, verdicts
from delivery.contracts import Outcome, Sealed, Wait, Withdraw
from delivery.dispatch.flights import Claimed
from delivery.health import Way
from delivery.lifecycle import OutcomeKind, Reason, State, Uncertain
from delivery.queue import Row, Settled
from delivery.verdicts import Tried, Verdict
from notifysite.plumbing.claims import LEASE_SECONDS
from notifysite.plumbing.failpoints import reached
from notifysite.plumbing.outages import is_outage

log = structlog.get_logger(__name__)

T = TypeVar("T")

_CRITICAL = 1  # notifications.words.Lane.CRITICAL: delivery knows lanes only as numbers
SETTLE_PAUSES = (0.1, 0.5, 1, 2, 4, 8, 8, 8, 8, 8, 8)


def write(settled: Sequence[Settled], *, lane: int, way: Way | None = None) -> None:
    """Write outcomes down. Settling twice changes nothing the second time."""
    outlast(partial(_write, settled, lane=lane, way=way))


def outlast(work: Callable[[], T]) -> T:
    """Do what a flight needs to be settled. A database that restarts is waited for, because what
    is not settled must be called uncertain."""
    for pause in SETTLE_PAUSES:
        try:
            return work()
        except (DatabaseError, InterfaceError) as error:
            if not is_outage(error):
                raise
            log.warning("settle_again", error=type(error).__name__)
            connection.close()
            time.sleep(pause)
    return work()


def _write(settled: Sequence[Settled], *, lane: int, way: Way | None) -> None:
    sample = health.sample(way, answers_of(way.alias, settled)) if way else None
    reached("settle.before_commit")
    queue.settle(settled, lane=lane, beside=[sample] if sample else [])
    reached("settle.committed")


def answers_of(alias: str, settled: Sequence[Settled]) -> list[Outcome]:
    """What a provider itself answered, of all that became of a flight."""
    return [
        one.outcome
        for one in settled
        if one.attempted and one.provider == alias and one.outcome.code != NOT_SEALED
    ]


NOT_SEALED = "not_sealed"


def judged(claimed: Claimed, outcome: Outcome, *, taker: str, probe: bool = False) -> Settled:
    """What a row becomes by what its taker answered, with no other provider left to try."""
    verdict = _verdict(claimed.row, outcome, taker=taker, probe=probe)
    if verdict.suppress and taker in (registry.SIMULATOR, registry.TEST):
        verdict = replace(verdict, suppress=False)  # a simulated failure kills no address
    return Settled(claimed.row, claimed.lease, taker, outcome, verdict)


def handed_on(claimed: Claimed, outcome: Outcome, *, taker: str) -> Settled:
    """The same for one that the next provider is to take at once."""
    verdict = verdicts.onward(outcome.kind, within=LEASE_SECONDS)
    return Settled(claimed.row, claimed.lease, taker, outcome, verdict)


def not_handed_over(claimed: Claimed, sealed: Sealed | None, *, alias: str) -> Settled:
    """What the last look held back or withdrew: no attempt was made of it. Nor was one handed over
    that could not be sealed, or came too late: a try that surely failed."""
    row = claimed.row
    if sealed is None:
        failed = Outcome(reference=row.id, kind=OutcomeKind.TRANSIENT, code=NOT_SEALED)
        return judged(claimed, failed, taker=alias)
    if isinstance(sealed, Wait):
        pause = max(0.0, (sealed.until - row.now).total_seconds())
        verdict = Verdict(state=State.QUEUED, reason=sealed.reason, retry_in=pause, refund=True)
    else:
        verdict = verdicts.withdrawn(cast("Withdraw", sealed).reason)
    return _unattempted(claimed, verdict)


def silent(claimed: Claimed, *, alias: str) -> Settled:
    """A provider that said nothing of a message may have taken it."""
    silence = Outcome(reference=claimed.row.id, kind=OutcomeKind.UNKNOWN, code="no_outcome")
    return judged(claimed, silence, taker=alias)


def without_provider(claimed: Claimed) -> Settled:
    """Nobody carries this channel."""
    return _unattempted(claimed, verdicts.withdrawn(Reason.NO_PROVIDER))


def lost(state: State, row: Row, token: UUID) -> Settled:
    """A row whose hand-over was never settled, or whose news never came."""
    outcome = Outcome(reference=row.id, kind=OutcomeKind.UNKNOWN, code="answer_lost")
    if state is State.UNCERTAIN:
        return Settled(row, token, row.provider, outcome, verdicts.NEWS_OVERDUE, attempted=False)
    # The mark has counted this try already.
    verdict = _verdict(row, outcome, taker=row.provider, tries=row.attempts)
    return Settled(row, token, row.provider, outcome, verdict)


def _unattempted(claimed: Claimed, verdict: Verdict) -> Settled:
    nothing = Outcome(reference=claimed.row.id, kind=OutcomeKind.TRANSIENT)
    return Settled(claimed.row, claimed.lease, "", nothing, verdict, attempted=False)


def _verdict(
    row: Row, outcome: Outcome, *, taker: str, tries: int | None = None, probe: bool = False
) -> Verdict:
    if ended := verdicts.settled(outcome.kind):
        return ended
    now, traits = row.now, registry.traits(taker)
    return verdicts.after(
        outcome.kind,
        Tried(
            attempts=row.attempts + 1 if tries is None else tries,
            unknowns=row.unknowns + (outcome.kind is OutcomeKind.UNKNOWN),
            age=(now - row.accepted_at).total_seconds(),
            profile=_profile(row, traits.patience),
            uncertain=Uncertain(row.uncertain),
            luck=random.random(),
            expires_in=(row.expires_at - now).total_seconds() if row.expires_at else None,
            retry_after=outcome.retry_after,
            providers=len(routing.aliases(row.channel, mode=row.mode, kind=row.address_kind)),
            # Since the row was made: the provider cannot have known the reference for longer.
            folds=(now - row.created_at).total_seconds() < traits.idempotent_for,
            reports=traits.reports,
            probe=probe,
        ),
    )


def _profile(row: Row, patience: str) -> backoff.Profile:
    # Who is patient with what is urgent never sends it.
    by_channel = "webhook" if row.channel == channels.WEBHOOK.number else ""
    name = by_channel if row.lane == _CRITICAL else patience or by_channel
    return backoff.BY_NAME.get(name) or backoff.BY_LANE[row.lane]
