"""One accepted request for one recipient, what was decided about it, and what a render used."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from notifications.words import OPEN, Status


class Decision(models.Model):
    """The recorded answer of `decide()`, stored once per distinct content."""

    digest = models.BinaryField(unique=True)
    body = models.JSONField()  # [{step, channel, outcome, reason, until, source}]
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "decision"
        indexes = [models.Index(name="decision_age", fields=["created_at"])]


class Notification(models.Model):
    """One accepted request for one recipient. Partitioned by id.

    `due_at` is when it is to be decided (again). `broken_off`: how often deciding it broke off, the
    first time perhaps over another one of its batch. `data` is JSON under the recipient's data key;
    of an audience's notification only what is the person's alone. `attachments` are uuids.
    Foreign keys are bare ids: real ones would keep a month from being dropped.
    """

    id = models.UUIDField(primary_key=True)
    request_id = models.UUIDField()
    service_id = models.BigIntegerField()
    key_id = models.BigIntegerField()
    recipient_id = models.BigIntegerField()
    actor_id = models.BigIntegerField(null=True)
    audience_id = models.BigIntegerField(null=True)
    type_id = models.BigIntegerField()
    decision_id = models.BigIntegerField(null=True)
    mode = models.SmallIntegerField()
    priority = models.SmallIntegerField()
    lane = models.SmallIntegerField()
    status = models.SmallIntegerField(db_default=Status.ACCEPTED)
    reason = models.SmallIntegerField(null=True)
    channels = ArrayField(models.SmallIntegerField(), null=True)
    locale = models.CharField(max_length=20, default="", blank=True)
    attachments = ArrayField(models.UUIDField(), null=True)
    data = models.BinaryField(null=True)
    cancellation_key = models.CharField(max_length=255, null=True)  # noqa: DJ001 - absent, not empty
    send_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    lease = models.UUIDField(null=True)
    broken_off = models.SmallIntegerField(db_default=0)
    created_at = models.DateTimeField(db_default=Now())
    planned_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "notification"
        indexes = [
            # Those that wait for news, and for no time, too: they keep their month.
            models.Index(
                name="notification_open",
                fields=["lane", "due_at"],
                condition=models.Q(status__in=[int(s) for s in OPEN]),
            ),
            models.Index(name="notification_person", fields=["recipient_id", "-id"]),
            models.Index(name="notification_service", fields=["service_id", "-id"]),
            models.Index(
                name="notification_cancellation",
                fields=["service_id", "cancellation_key"],
                condition=models.Q(cancellation_key__isnull=False),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="notification_status_known",
                condition=models.Q(status__in=[int(s) for s in Status]),
            ),
            models.CheckConstraint(
                name="notification_accepted_is_due",
                condition=~models.Q(status=Status.ACCEPTED) | models.Q(due_at__isnull=False),
            ),
        ]


class Render(models.Model):
    """All that the render of a delivery used, so that it can be shown again as it was sent.

    `id` is the delivery's; partitioned by it. `variables` is JSON under the recipient's data key.
    """

    id = models.UUIDField(primary_key=True)
    version_id = models.BigIntegerField()
    variables = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "render"
