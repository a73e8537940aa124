"""People, what they chose, and notifications."""

from django.db import models


class Person(models.Model):
    """Somebody with an address."""

    name = models.CharField(max_length=200)
    email = models.EmailField()
    wants_email = models.BooleanField(default=True)
    suppressed = models.BooleanField(default=False)


class Notification(models.Model):
    """Something to tell them, and what became of it."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE)
    data = models.JSONField()
    status = models.CharField(max_length=20, default="queued", db_index=True)
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True)
