"""A person, and the addresses by which they can be reached."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from delivery import channels

# How SQL says that a person was changed: later than ever before, also by a clock that went back.
CHANGED = "changed_at = greatest(clock_timestamp(), changed_at + interval '1 microsecond')"


class Recipient(models.Model):
    """A person. `user_id` is the caller's own id for them.

    All we hold about them is encrypted under their own data key, which is kept here wrapped by a
    master key: without `data_key` nothing of it can be read again, and that is erasure.
    `changed_at` moves with every change of wish, consent, address, pause or erasure, so that the
    last look before sending knows whom to look at again.
    """

    user_id = models.CharField(max_length=255, unique=True, null=True)  # noqa: DJ001 - erased: none
    subject = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="recipient",
        help_text="The Django user this person logs in as, if any.",
    )
    data_key = models.BinaryField(null=True, editable=False)
    profile = models.BinaryField(null=True, editable=False)  # {"name": …, "attributes": {…}}
    locale = models.CharField(max_length=20, default="", blank=True)
    timezone = models.CharField(max_length=64, default="", blank=True)
    quiet_hours = models.JSONField(null=True, blank=True)  # {"monday": [{"start", "end"}], …}
    paused_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    changed_at = models.DateTimeField(db_default=Now())
    erased_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        db_table = "recipient"
        constraints = [
            models.CheckConstraint(
                name="recipient_erased_has_no_key",
                condition=models.Q(erased_at__isnull=True)
                | models.Q(data_key__isnull=True, profile__isnull=True, user_id__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.user_id or f"erased {self.subject}"


class Address(models.Model):
    """One way to reach a recipient. Immutable: a new value is a new row, the old one is retired.

    `value` is encrypted under the recipient's data key (context `address`); `hash` is the keyed
    hash of the normalised value, for look-up and suppression. `secret` is what a webhook is signed
    with, under the same key (context `address.secret`).
    """

    recipient = models.ForeignKey(Recipient, on_delete=models.CASCADE, related_name="addresses")
    channel = models.SmallIntegerField(choices=channels.choices)
    kind = models.CharField(max_length=20, default="", blank=True)  # fcm, apns, … within a channel
    value = models.BinaryField(editable=False)
    hash = models.BinaryField(editable=False)
    secret = models.BinaryField(null=True, editable=False)
    label = models.CharField(max_length=120, default="", blank=True)
    created_at = models.DateTimeField(db_default=Now())
    last_ok_at = models.DateTimeField(null=True)
    retired_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "address"
        verbose_name_plural = "addresses"
        indexes = [models.Index(name="address_hash", fields=["hash"])]
        constraints = [
            models.UniqueConstraint(
                name="address_in_use_once",
                fields=["recipient", "channel", "hash"],
                condition=models.Q(retired_at__isnull=True),
            ),
            models.UniqueConstraint(
                name="address_one_current",
                fields=["recipient", "channel"],
                condition=models.Q(
                    retired_at__isnull=True,
                    channel__in=[channels.EMAIL.number, channels.SMS.number],
                ),
            ),
        ]
