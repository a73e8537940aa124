"""Addresses that must not be used: set and lifted by hand. Audited, with the deed."""

from django.db import transaction

from delivery.models import Suppression
from delivery.models.suppression import SuppressionReason
from notifysite.plumbing import audit


def suppress(channel: int, address_hash: bytes, *, actor: str, note: str = "") -> Suppression:
    """Set an address by hand; one that is suppressed already stays as it is."""
    with transaction.atomic():
        row, fresh = Suppression.objects.get_or_create(
            channel=channel,
            address_hash=address_hash,
            defaults={"reason": SuppressionReason.MANUAL, "source": actor[:80], "note": note},
        )
        if fresh:
            audit.record(actor=actor, action="suppression.set", target=f"suppression:{row.pk}")
    return row


def lift(id_: int, *, actor: str, note: str) -> bool:
    """Let an address be used again; False where there is no such suppression."""
    with transaction.atomic():
        row = Suppression.objects.select_for_update().filter(pk=id_).first()
        if row is None:
            return False
        row.delete()
        detail = {"reason": SuppressionReason(row.reason).name.lower(), "note": note}
        audit.record(
            actor=actor, action="suppression.lifted", target=f"suppression:{id_}", detail=detail
        )
    return True
