"""Many people of one request: a topic's, or those of a long list."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from notifications.words import AudienceKind, AudienceStatus


class Audience(models.Model):
    """One accepted request for many people, and how far it has come.

    All that its notifications have in common stands here. `due_at` is when a worker is to go on
    with it, NULL once nothing is left to do. `cursor` is the last person who has theirs, `passed`
    the last of its notifications that was looked at since: by cancelling, then by forgetting
    secrets. `data` is JSON under the audience's own data key. Ids of people, topics, keys and
    services are bare, as those of a notification.
    """

    request_id = models.UUIDField(unique=True)
    service_id = models.BigIntegerField()
    key_id = models.BigIntegerField()
    actor_id = models.BigIntegerField(null=True)
    type_id = models.BigIntegerField()
    mode = models.SmallIntegerField()
    priority = models.SmallIntegerField()
    lane = models.SmallIntegerField()
    channels = ArrayField(models.SmallIntegerField(), null=True)
    attachments = ArrayField(models.UUIDField(), null=True)
    locale = models.CharField(max_length=20, default="", blank=True)
    cancellation_key = models.CharField(max_length=255, null=True)  # noqa: DJ001 - absent, not empty
    send_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    kind = models.SmallIntegerField()
    topic_id = models.BigIntegerField(null=True)
    topic_key = models.CharField(max_length=80, default="", blank=True)
    estimated = models.BigIntegerField()
    made = models.BigIntegerField(db_default=0)
    cursor = models.BigIntegerField(db_default=0)
    passed = models.UUIDField(null=True)
    status = models.SmallIntegerField(db_default=AudienceStatus.ACCEPTED)
    due_at = models.DateTimeField(null=True)
    secret = models.BooleanField(db_default=False)
    data_key = models.BinaryField(null=True)
    data = models.BinaryField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    done_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "audience"
        indexes = [
            models.Index(
                name="audience_due",
                fields=["lane", "due_at", "id"],
                condition=models.Q(due_at__isnull=False),
            ),
            models.Index(name="audience_service", fields=["service_id", "-request_id"]),
            models.Index(
                name="audience_cancellation",
                fields=["service_id", "cancellation_key"],
                condition=models.Q(cancellation_key__isnull=False),
            ),
            # Few: those of types with secrets, until these are forgotten.
            models.Index(name="audience_secret", fields=["id"], condition=models.Q(secret=True)),
        ]
        constraints = [
            models.CheckConstraint(
                name="audience_status_known",
                condition=models.Q(status__in=[int(s) for s in AudienceStatus]),
            ),
            models.CheckConstraint(
                name="audience_kind_known",
                condition=models.Q(kind__in=[int(k) for k in AudienceKind]),
            ),
        ]


class AudienceMember(models.Model):
    """A person of a list who has no notification yet: the row goes when it is made.

    `data` is what is theirs alone, JSON under their key as a notification's data.
    """

    pk = models.CompositePrimaryKey("audience_id", "recipient_id")
    audience_id = models.BigIntegerField()
    recipient_id = models.BigIntegerField()
    data = models.BinaryField(null=True)

    class Meta:
        db_table = "audience_member"
