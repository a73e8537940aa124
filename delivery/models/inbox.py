"""The in-app inbox: items are the truth, a socket only hints at them."""

from django.db import models
from django.db.models.functions import Now


class InboxHead(models.Model):
    """The last sequence number given to a recipient; its row lock orders their items."""

    recipient_id = models.BigIntegerField(primary_key=True)
    seq = models.BigIntegerField(default=0)

    class Meta:
        db_table = "inbox_head"


class InboxItem(models.Model):
    """One message in a person's inbox. `id` is the delivery's, so storing it twice is impossible.

    `content` is JSON under the recipient's data key. `changed_seq` moves with every change, so a
    client asks for all that happened since the number it knows. `seq` moves only when a snooze is
    over: the item comes back on top. `silent`: nothing pops up for it, as in quiet hours. `done`:
    which actions were done, {index: {at, by}}.
    """

    id = models.UUIDField(primary_key=True)
    notification_id = models.UUIDField()
    recipient_id = models.BigIntegerField()
    seq = models.BigIntegerField()
    changed_seq = models.BigIntegerField()
    category = models.CharField(max_length=80, default="", blank=True)
    type = models.CharField(max_length=80, default="", blank=True)
    priority = models.SmallIntegerField(default=3)
    silent = models.BooleanField(default=False, db_default=False)
    content = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    archived_at = models.DateTimeField(null=True)
    snoozed_until = models.DateTimeField(null=True)
    done = models.JSONField(null=True)

    class Meta:
        db_table = "inbox_item"
        indexes = [
            models.Index(name="inbox_changes", fields=["recipient_id", "changed_seq"]),
            models.Index(
                name="inbox_unread",
                fields=["recipient_id"],
                condition=models.Q(read_at__isnull=True, archived_at__isnull=True),
            ),
            models.Index(
                name="inbox_snoozed",
                fields=["snoozed_until"],
                condition=models.Q(snoozed_until__isnull=False),
            ),
        ]
        constraints = [
            models.UniqueConstraint(name="inbox_seq_once", fields=["recipient_id", "seq"]),
        ]
