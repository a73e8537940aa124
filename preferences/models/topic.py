"""What people subscribe to."""

from django.db import models
from django.db.models.functions import Now

from preferences.models.category import KEY
from preferences.models.labels import Labelled
from preferences.models.recipient import Recipient


class Topic(Labelled):
    """Something people subscribe to, and a request can be sent to."""

    key = models.CharField(max_length=80, unique=True, validators=[KEY])
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "topic"
        ordering = ["key"]


class Subscription(models.Model):
    """A person subscribed to a topic. A topic's people are walked in the order of their ids."""

    # The unique index begins with the topic: it needs none of its own.
    topic = models.ForeignKey(
        Topic, on_delete=models.CASCADE, related_name="subscriptions", db_index=False
    )
    recipient = models.ForeignKey(Recipient, on_delete=models.CASCADE, related_name="subscriptions")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "topic_subscription"
        constraints = [
            models.UniqueConstraint(name="topic_subscription_once", fields=["topic", "recipient"]),
        ]
