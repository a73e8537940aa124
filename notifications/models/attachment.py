"""A file that goes with notifications, uploaded once and named by them."""

from django.db import models
from django.db.models.functions import Now

from notifications.models.service import Service


class Attachment(models.Model):
    """A file of a service, which never changes.

    One that is a person's, `recipient_id`, is under their key and goes to nobody else; another has
    a data key of its own. `name` and `content` are encrypted, each bound to its place by the uuid,
    by which callers know it. After `expires_at` it is deleted.
    """

    uuid = models.UUIDField(unique=True)
    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="attachments")
    recipient_id = models.BigIntegerField(null=True)
    data_key = models.BinaryField(null=True)
    name = models.BinaryField()
    content_type = models.CharField(max_length=127)
    size = models.IntegerField()  # bytes
    sha256 = models.BinaryField()
    content = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "attachment"
        indexes = [
            models.Index(name="attachment_service", fields=["service", "-id"]),
            models.Index(name="attachment_age", fields=["expires_at"]),
            models.Index(
                name="attachment_person",
                fields=["recipient_id"],
                condition=models.Q(recipient_id__isnull=False),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="attachment_under_one_key",
                condition=models.Q(recipient_id__isnull=True, data_key__isnull=False)
                | models.Q(recipient_id__isnull=False, data_key__isnull=True),
            ),
        ]
