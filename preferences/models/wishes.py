"""What people said they want."""

from django.db import models
from django.db.models.functions import Coalesce, Now

from delivery import channels
from preferences.models.category import Category
from preferences.models.recipient import Recipient


class Choice(models.Model):
    """On or off: for a category and channel, for a whole category, or for a whole channel.

    `channel` 0 is every channel, no category is every category.
    """

    recipient = models.ForeignKey(Recipient, on_delete=models.CASCADE, related_name="choices")
    category = models.ForeignKey(Category, on_delete=models.CASCADE, null=True, blank=True)
    channel = models.SmallIntegerField(default=channels.PREFERRED)
    enabled = models.BooleanField()
    # Who said it: person, api, unsubscribe_link, unsubscribe:<provider>, import.
    source = models.CharField(max_length=40)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "choice"
        constraints = [
            models.UniqueConstraint(
                "recipient", Coalesce("category", 0), "channel", name="choice_once"
            ),
        ]


class CategorySetting(models.Model):
    """A person's finer wishes about a category."""

    recipient = models.ForeignKey(Recipient, on_delete=models.CASCADE, related_name="settings")
    category = models.ForeignKey(Category, on_delete=models.CASCADE)
    snoozed_until = models.DateTimeField(null=True, blank=True)
    preferred_channel = models.SmallIntegerField(null=True, blank=True)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "category_setting"
        constraints = [
            models.UniqueConstraint(name="category_setting_once", fields=["recipient", "category"]),
        ]


class Consent(models.Model):
    """The consent ledger. Rows are only ever added; the latest one of a category counts.

    It names the person by their opaque subject id and says how consent was given: the way, the
    text shown, and its language.
    """

    subject = models.UUIDField()
    category = models.ForeignKey(Category, on_delete=models.PROTECT)
    given = models.BooleanField()
    at = models.DateTimeField(db_default=Now())
    way = models.CharField(max_length=40)  # preference_centre, api, unsubscribe_link, import
    text = models.CharField(max_length=400, default="", blank=True)
    locale = models.CharField(max_length=20, default="", blank=True)

    class Meta:
        db_table = "consent"
        indexes = [models.Index(name="consent_latest", fields=["subject", "category", "-id"])]
