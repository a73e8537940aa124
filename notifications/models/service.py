"""Who calls us: services, their keys, and what they asked before."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from notifications.words import Mode


class Service(models.Model):
    """A system that calls the API."""

    key = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=120)
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "service"
        ordering = ["key"]

    def __str__(self) -> str:
        return self.name


class Guest(models.Model):
    """A person whom `team` keys of a service may reach."""

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="guests")
    user_id = models.CharField(max_length=255)

    class Meta:
        db_table = "service_guest"
        constraints = [models.UniqueConstraint(name="guest_once", fields=["service", "user_id"])]


class ApiKey(models.Model):
    """A secret of a service; only its hash is kept. Two may live at once, for rotation."""

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="keys")
    name = models.CharField(max_length=120, default="", blank=True)
    mode = models.SmallIntegerField(choices=[(int(m), m.name.lower()) for m in Mode])
    prefix = models.CharField(max_length=40, unique=True)
    hash = models.BinaryField(editable=False)
    scopes = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        db_table = "api_key"
        ordering = ["-id"]


class IdempotencyKey(models.Model):
    """An Idempotency-Key that was used, in the transaction of what it did.

    It holds no personal data: the answer is built again from the same body and these ids.
    """

    service_id = models.BigIntegerField()
    test = models.BooleanField()
    endpoint = models.CharField(max_length=40)
    key = models.CharField(max_length=255)
    fingerprint = models.BinaryField()
    status = models.SmallIntegerField()
    answer = models.JSONField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "idempotency_key"
        indexes = [models.Index(name="idempotency_age", fields=["created_at"])]
        constraints = [
            models.UniqueConstraint(
                name="idempotency_once", fields=["service_id", "test", "endpoint", "key"]
            ),
        ]


class ApiCallCount(models.Model):
    """How often a key called in this minute and the one before, while Redis does not answer.

    `accepted` is what the last caller was told: an upsert returns the new row only. The table is
    unlogged: after a crash of the database the minute begins anew.
    """

    name = models.CharField(max_length=80, primary_key=True)
    at = models.DateTimeField()
    previous = models.IntegerField()
    current = models.IntegerField()
    accepted = models.BooleanField()

    class Meta:
        db_table = "api_call_count"
