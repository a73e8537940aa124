"""A delivery, its attempts, what came back, and the announcements of all that.

People and notifications are bare ids here: these tables are partitioned by month, and a foreign
key would keep a month from being dropped. Words are smallints (see delivery.lifecycle).
"""

from django.db import models
from django.db.models.functions import Now

from delivery.lifecycle import State


class Delivery(models.Model):
    """One message over one channel to one address. Partitioned by id."""

    id = models.UUIDField(primary_key=True)
    notification_id = models.UUIDField()
    recipient_id = models.BigIntegerField()
    address_id = models.BigIntegerField(null=True)
    address_hash = models.BinaryField(null=True)
    address_kind = models.SmallIntegerField(null=True)  # by channels.KINDS
    channel = models.SmallIntegerField()
    step = models.SmallIntegerField()
    lane = models.SmallIntegerField()
    mode = models.SmallIntegerField()
    uncertain = models.SmallIntegerField()  # the type's policy for a lost answer
    state = models.SmallIntegerField()
    reason = models.SmallIntegerField(null=True)
    attempts = models.SmallIntegerField(default=0)
    unknowns = models.SmallIntegerField(default=0)  # tries whose answer was lost
    provider = models.CharField(max_length=40, default="", blank=True)
    lease = models.UUIDField(null=True)
    due_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    accepted_at = models.DateTimeField()  # when the notification could first be sent
    # What the person's row said when this was decided: any other value means decide again.
    person_changed_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "delivery"
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(
                name="delivery_queue",
                fields=["lane", "channel", "due_at"],
                condition=models.Q(state=State.QUEUED),
            ),
            models.Index(
                name="delivery_limbo",
                fields=["due_at"],
                condition=models.Q(state__in=[State.SENDING, State.UNCERTAIN]),
            ),
            models.Index(name="delivery_story", fields=["notification_id"]),
            models.Index(
                name="delivery_dead", fields=["-id"], condition=models.Q(state=State.DEAD)
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="delivery_state_known", condition=models.Q(state__in=[int(s) for s in State])
            ),
            models.CheckConstraint(
                name="delivery_queued_is_due",
                condition=~models.Q(state=State.QUEUED) | models.Q(due_at__isnull=False),
            ),
        ]


class Attempt(models.Model):
    """One try with one provider; written once, when its outcome is known. Partitioned by id."""

    id = models.UUIDField(primary_key=True)
    delivery_id = models.UUIDField()
    number = models.SmallIntegerField()
    provider = models.CharField(max_length=40)
    outcome = models.SmallIntegerField()
    code = models.CharField(max_length=80, default="", blank=True)
    detail = models.CharField(max_length=400, default="", blank=True)
    provider_ref = models.CharField(max_length=255, default="", blank=True)
    took_ms = models.IntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "delivery_attempt"
        indexes = [
            models.Index(name="attempt_story", fields=["delivery_id"]),
            models.Index(
                name="attempt_ref",
                fields=["provider_ref"],
                condition=~models.Q(provider_ref=""),
            ),
        ]


class Event(models.Model):
    """News about a delivery from outside. Append-only, partitioned by id."""

    id = models.UUIDField(primary_key=True)
    delivery_id = models.UUIDField()
    kind = models.SmallIntegerField()
    provider = models.CharField(max_length=40, default="", blank=True)
    at = models.DateTimeField()
    code = models.CharField(max_length=80, default="", blank=True)
    detail = models.CharField(max_length=400, default="", blank=True)
    machine = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "delivery_event"
        indexes = [models.Index(name="event_story", fields=["delivery_id"])]


class News(models.Model):
    """Which news has been taken already: each is folded once."""

    provider = models.CharField(max_length=40)
    event_key = models.CharField(max_length=200)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "delivery_news"
        verbose_name_plural = "news"
        constraints = [
            models.UniqueConstraint(name="news_once", fields=["provider", "event_key"]),
        ]


class ParkedNews(models.Model):
    """News that names a message only by the provider's own id, come before we had noted that id.

    It is matched once the attempt is settled, and forgotten when that never happens. `due_at`: when
    it is to be looked for again.
    """

    provider = models.CharField(max_length=40)
    provider_ref = models.CharField(max_length=255)
    kind = models.SmallIntegerField()
    at = models.DateTimeField()
    code = models.CharField(max_length=80, default="", blank=True)
    detail = models.CharField(max_length=400, default="", blank=True)
    machine = models.BooleanField(default=False)
    due_at = models.DateTimeField(db_default=Now())
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "delivery_parked_news"
        verbose_name_plural = "parked news"
        indexes = [models.Index(name="parked_due", fields=["due_at"])]


class Engagement(models.Model):
    """What the person did with a delivery: first times, never taken back. Partitioned by id,
    which is the delivery's."""

    id = models.UUIDField(primary_key=True)
    notification_id = models.UUIDField()
    opened_at = models.DateTimeField(null=True)
    clicked_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    archived_at = models.DateTimeField(null=True)
    snoozed_until = models.DateTimeField(null=True)
    converted_at = models.DateTimeField(null=True)
    machine_opened_at = models.DateTimeField(null=True)
    machine_clicked_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "delivery_engagement"
        indexes = [models.Index(name="engagement_story", fields=["notification_id"])]


class Announcement(models.Model):
    """What became of a batch of deliveries; consumed once, with the observers' effects.

    `changes` is a list of `delivery.contracts.Change` as lists of values.
    """

    changes = models.JSONField()
    lane = models.SmallIntegerField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "delivery_announcement"
        indexes = [models.Index(name="announcement_lane", fields=["lane", "id"])]
