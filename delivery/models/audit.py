"""Who did what. Rows are only ever added (by `plumbing.audit`); a trigger refuses the rest."""

from django.db import models
from django.db.models.functions import Now


class AuditEntry(models.Model):
    """One act. People are named by their opaque subject id."""

    at = models.DateTimeField(db_default=Now())
    actor = models.TextField()
    action = models.TextField()
    target = models.TextField()
    subject = models.UUIDField(null=True)
    detail = models.JSONField(null=True)

    class Meta:
        db_table = "audit_entry"
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(name="audit_target", fields=["target", "-id"]),
            models.Index(
                name="audit_subject",
                fields=["subject", "-id"],
                condition=models.Q(subject__isnull=False),
            ),
        ]
