"""A device whose token was dead and that registers again is alive."""

from delivery import channels
from delivery.models import Suppression
from delivery.models.suppression import SuppressionReason
from notifysite.plumbing import audit

# What a provider said of the token. What a person said stays: a complaint, a STOP, a hand.
_FORGIVABLE = (SuppressionReason.HARD_BOUNCE, SuppressionReason.DEAD_TOKEN)


def forgive(channel: int, address_hash: bytes, *, actor: str) -> bool:
    """Lift the suppression of a device's dead token, in the caller's transaction; whether there
    was one."""
    if not channels.by_number(channel).every_address:
        return False
    dead = Suppression.objects.filter(
        channel=channel, address_hash=address_hash, reason__in=_FORGIVABLE
    )
    rows = list(dead.select_for_update())
    for row in rows:
        audit.record(
            actor=actor,
            action="suppression.lifted",
            target=f"suppression:{row.pk}",
            detail={
                "reason": SuppressionReason(row.reason).name.lower(),
                "note": "registered again",
            },
        )
        row.delete()
    return bool(rows)
