"""The row."""

import uuid

from django.db import models


class Row(models.Model):
    """What was asked for."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    type = models.CharField(max_length=80)
    person = models.CharField(max_length=255)
    data = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)
