"""What operators watch and turn: routes, breakers, throttles, heartbeats, the sandbox's outbox."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Now

from delivery import channels


class Route(models.Model):
    """One provider alias of a channel, in order and by weight. Without rows the settings hold."""

    channel = models.SmallIntegerField(choices=channels.choices)
    provider = models.CharField(max_length=40, help_text="An alias of DELIVERY_PROVIDERS.")
    position = models.PositiveSmallIntegerField(default=1, help_text="Lower is tried first.")
    weight = models.PositiveSmallIntegerField(
        default=100, help_text="Share among the routes of one position; 0 takes it out."
    )
    enabled = models.BooleanField(default=True)

    class Meta:
        db_table = "delivery_route"
        ordering = ["channel", "position", "id"]
        constraints = [
            models.UniqueConstraint(name="route_once", fields=["channel", "provider"]),
        ]

    def clean(self) -> None:
        """A route names a provider that is configured and carries the channel."""
        from delivery import registry  # noqa: PLC0415 - the registry reads models' settings lazily

        spec = channels.by_number(self.channel)
        if self.provider not in registry.aliases(spec):
            raise ValidationError(
                {
                    "provider": f"No provider {self.provider!r} carries {spec.label}; configured: "
                    f"{', '.join(registry.aliases(spec)) or 'none'}."
                }
            )


class Breaker(models.Model):
    """Whether a provider is given messages of a channel, for the whole fleet.

    Closed: all it can take. Open: none, and at `until` one probe by whoever leases `probe_until`
    first. A drained one gets no new message; during a drill every call to it is failed on purpose.
    `reason` says in a few words why it switched last.
    """

    provider = models.CharField(max_length=40)
    channel = models.SmallIntegerField(choices=channels.choices)
    opens = models.SmallIntegerField(default=0)  # in a row: each doubles the time until the probe
    until = models.DateTimeField(null=True)  # open until the probe; null is closed
    probe_until = models.DateTimeField(null=True)
    drained = models.BooleanField(default=False)
    drill_until = models.DateTimeField(null=True)
    switched_at = models.DateTimeField(db_default=Now())
    reason = models.CharField(max_length=200, default="", blank=True)

    class Meta:
        db_table = "delivery_breaker"
        verbose_name = "provider"
        permissions = [("steer_provider", "Can drain, drill and try providers, and weigh routes")]
        constraints = [
            models.UniqueConstraint(name="breaker_once", fields=["provider", "channel"]),
        ]


class Sample(models.Model):
    """What a provider answered to one flight, by class: what breakers and the health page look at.

    `took` is the sum of the answered calls' seconds, `slowest` the longest. Kept for an hour.
    """

    provider = models.CharField(max_length=40)
    channel = models.SmallIntegerField()
    at = models.DateTimeField(db_default=Now())
    accepted = models.IntegerField(default=0)
    refused = models.IntegerField(default=0)
    transient = models.IntegerField(default=0)
    account = models.IntegerField(default=0)
    unknown = models.IntegerField(default=0)
    took = models.FloatField(default=0.0)
    slowest = models.FloatField(default=0.0)

    class Meta:
        db_table = "delivery_sample"
        indexes = [models.Index(name="sample_recent", fields=["provider", "channel", "at"])]


class Throttle(models.Model):
    """The token bucket of a provider account, for while Redis does not answer.

    `granted` is what the last caller got: an upsert returns the new row only.
    """

    account = models.CharField(max_length=80, primary_key=True)
    tokens = models.FloatField()
    granted = models.IntegerField(default=0)
    at = models.DateTimeField()

    class Meta:
        db_table = "delivery_throttle"


class Pace(models.Model):
    """Up to when turns are given away: of what must not come all at once, such as replays, or too
    often, such as a look for months that are too old."""

    name = models.CharField(max_length=40, primary_key=True)
    until = models.DateTimeField()

    class Meta:
        db_table = "delivery_pace"


class Heartbeat(models.Model):
    """A process that lives: pump, workers, beat.

    `consumed_at` is the last nudge it took, `nudged_at` the last that the broker took from it.
    """

    name = models.CharField(max_length=120, primary_key=True)
    kind = models.CharField(max_length=20)
    at = models.DateTimeField(db_default=Now())
    consumed_at = models.DateTimeField(null=True)
    nudged_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "heartbeat"


class OutboxMessage(models.Model):
    """A message the sandbox took instead of a real provider, as the person would see it.

    `content` is JSON under the recipient's data key.
    """

    delivery_id = models.UUIDField()
    notification_id = models.UUIDField()
    recipient_id = models.BigIntegerField()
    channel = models.SmallIntegerField(choices=channels.choices)
    outcome = models.SmallIntegerField()
    content = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "sandbox_message"
        ordering = ["-id"]
        verbose_name = "outbox message"
        verbose_name_plural = "outbox"
        indexes = [models.Index(name="outbox_delivery", fields=["delivery_id"])]


class HookCount(models.Model):
    """How many calls at a provider's hook, or reports in them, were met with a verdict so far."""

    provider = models.CharField(max_length=40)
    verdict = models.CharField(max_length=20)
    calls = models.BigIntegerField()
    last_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "delivery_hook_count"
        constraints = [
            models.UniqueConstraint(name="hook_count_once", fields=["provider", "verdict"]),
        ]


class HitCount(models.Model):
    """How many hits, of tracked links and of the picture that tells of an open, met with a verdict
    so far."""

    verdict = models.CharField(max_length=20)
    hits = models.BigIntegerField()
    last_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "delivery_hit_count"
        constraints = [models.UniqueConstraint(name="hit_count_once", fields=["verdict"])]
