"""What operators watch and turn: routes, heartbeats, and the sandbox's outbox."""

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


class Heartbeat(models.Model):
    """A process that lives: pump, workers, beat. `consumed_at` is its last taken nudge."""

    name = models.CharField(max_length=120, primary_key=True)
    kind = models.CharField(max_length=20)
    at = models.DateTimeField(db_default=Now())
    consumed_at = models.DateTimeField(null=True)

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
