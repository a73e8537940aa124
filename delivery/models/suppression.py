"""Addresses that must not be used on a channel."""

from django.db import models
from django.db.models.functions import Now

from delivery import channels


class SuppressionReason(models.IntegerChoices):
    """Why an address is not used."""

    HARD_BOUNCE = 1, "Hard bounce"
    COMPLAINT = 2, "Complaint"
    STOP = 3, "Opted out by STOP"
    DEAD_TOKEN = 4, "Dead device token"
    MANUAL = 5, "Set by hand"


# What people and other systems may say of an address that is typed.
SETTABLE = (
    SuppressionReason.MANUAL,
    SuppressionReason.HARD_BOUNCE,
    SuppressionReason.COMPLAINT,
    SuppressionReason.STOP,
)
# By the database's clock.
IN_FORCE = models.Q(expires_at=None) | models.Q(expires_at__gt=Now())


class Suppression(models.Model):
    """A channel and a keyed hash of an address. The hash survives the person's erasure."""

    channel = models.SmallIntegerField(choices=channels.choices)
    address_hash = models.BinaryField()
    reason = models.SmallIntegerField(choices=SuppressionReason)
    source = models.CharField(max_length=80, default="", blank=True)
    note = models.CharField(max_length=400, default="", blank=True)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "suppression"
        indexes = [
            models.Index(
                name="suppression_ends",
                fields=["expires_at"],
                condition=models.Q(expires_at__isnull=False),
            ),
        ]
        constraints = [
            models.UniqueConstraint(name="suppression_once", fields=["channel", "address_hash"]),
        ]
