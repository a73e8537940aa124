"""A hard bounce, a complaint or an opt-out: the address is not used again on its channel."""

from collections.abc import Iterable

from delivery import suppression
from delivery.feedback.matching import Matched
from delivery.lifecycle import SUPPRESSING, EventKind
from delivery.models.suppression import SuppressionReason
from delivery.registry import SIMULATOR, TEST
from delivery.suppression import Unwanted

_OWN_WORDS = {
    EventKind.COMPLAINT: SuppressionReason.COMPLAINT,
    EventKind.OPTED_OUT: SuppressionReason.STOP,
}


def add(told: Iterable[Matched]) -> None:
    """Suppress the addresses that news says are dead or do not want us.

    What was only simulated kills no address.
    """
    dead = [
        Unwanted(
            channel=one.row.channel,
            address_hash=bytes(one.row.address_hash),
            reason=_reason(one),
            source=f"provider:{one.provider}",
        )
        for one in told
        if one.report.kind in SUPPRESSING
        and one.row.address_hash is not None
        and one.provider not in (SIMULATOR, TEST)
    ]
    if dead:
        suppression.put(dead)


def _reason(told: Matched) -> SuppressionReason:
    own_word = _OWN_WORDS.get(told.report.kind)
    return own_word or suppression.when_dead(told.row.channel)
