"""Where services are told what became of their deliveries, and each such telling."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from notifications.models.service import Service
from notifications.words import Disabled


class CallbackEndpoint(models.Model):
    """A URL of a service, and of which events it is told there.

    `test`: of what was sent with test keys, and of nothing else. `secret` signs what is posted;
    `old_secret` does, too, until its time is over; both are under the endpoint's own data key.
    `failing_since`: since then nothing was taken; `rests_until`: till then nothing is tried.
    """

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="callbacks")
    test = models.BooleanField()
    url = models.CharField(max_length=2000)
    description = models.CharField(max_length=200, default="", blank=True)
    events = ArrayField(models.SmallIntegerField())
    enabled = models.BooleanField(db_default=True)
    disabled_reason = models.SmallIntegerField(
        null=True, choices=[(int(one), one.name.lower()) for one in Disabled]
    )
    disabled_at = models.DateTimeField(null=True)
    failing_since = models.DateTimeField(null=True)
    rests_until = models.DateTimeField(null=True)
    data_key = models.BinaryField(editable=False)
    secret = models.BinaryField(editable=False)
    old_secret = models.BinaryField(null=True, editable=False)
    old_secret_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "callback_endpoint"
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="callback_disabled_for_a_reason",
                condition=models.Q(enabled=True, disabled_reason__isnull=True)
                | models.Q(enabled=False, disabled_reason__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return self.url


class Callback(models.Model):
    """One event that one endpoint is told of. Partitioned by id, which is that of the delivery on
    the webhook channel that carries it.

    `about` is the delivery it tells of, `notification_id` what that is part of; a ping is about
    nothing. `at` is when it happened; `reason` and `provider` are as they were then. `action` is
    which one was done, counted from 0.
    """

    id = models.UUIDField(primary_key=True)
    endpoint_id = models.BigIntegerField()
    event = models.SmallIntegerField()
    about = models.UUIDField(null=True)
    notification_id = models.UUIDField(null=True)
    reason = models.SmallIntegerField(null=True)
    provider = models.CharField(max_length=40, default="", blank=True)
    action = models.SmallIntegerField(null=True)
    at = models.DateTimeField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "callback"
        indexes = [
            models.Index(name="callback_log", fields=["endpoint_id", "-id"]),
            models.Index(name="callback_story", fields=["notification_id"]),
        ]
