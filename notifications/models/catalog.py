"""What can be said: types with their steps, templates with their versions, layouts."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from delivery import channels
from delivery.lifecycle import Uncertain
from notifications.rendering.sensitive import has_sensitive
from notifications.words import Priority
from preferences.models.category import KEY, Category


class OverCap(models.IntegerChoices):
    """What becomes of a message over the cap."""

    HOLD = 1, "Hold until there is room"
    DIGEST = 2, "Put it into the digest"
    DROP = 3, "Drop it"


class Condition(models.IntegerChoices):
    """When a step is taken."""

    ALWAYS = 1, "Always"
    IF_UNSEEN = 2, "If not seen by then"
    IF_FAILED = 3, "If the earlier steps failed"
    EXPRESSION = 4, "If the expression holds"


class NotificationType(models.Model):
    """One thing that can be said."""

    key = models.CharField(max_length=80, unique=True, validators=[KEY])
    name = models.CharField(max_length=120)
    description = models.CharField(max_length=300, default="", blank=True)
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="types")
    priority = models.SmallIntegerField(
        choices=[(int(p), p.name.capitalize()) for p in Priority], default=Priority.NORMAL
    )
    active = models.BooleanField(default=True)
    ttl_seconds = models.PositiveIntegerField(
        null=True, blank=True, help_text="After this the message is worthless and is not sent."
    )
    data_schema = models.JSONField(
        default=dict,
        blank=True,
        help_text="JSON Schema of the data; mark secrets with x-sensitive.",
    )
    sample_data = models.JSONField(default=dict, blank=True)
    # Whether the schema marks secrets: kept in step by save(), so that SQL can ask.
    sensitive = models.BooleanField(default=False, editable=False)
    uncertain = models.SmallIntegerField(
        choices=[(int(u), u.name.capitalize()) for u in Uncertain],
        default=Uncertain.RESEND,
        help_text="What to do when a provider's answer was lost.",
    )
    over_cap = models.SmallIntegerField(choices=OverCap, default=OverCap.HOLD)
    tracking = models.BooleanField(default=False, help_text="Record opens and clicks.")
    email_interrupts = models.BooleanField(
        default=True, help_text="Quiet hours hold the email too."
    )
    batch = models.JSONField(null=True, blank=True)  # {key, window, max}
    # Of the row, its steps, its published words or its category: triggers see to it.
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "notification_type"
        ordering = ["key"]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save, and remember whether the data holds secrets."""
        self.sensitive = has_sensitive(self.data_schema)
        if kwargs.get("update_fields"):
            kwargs["update_fields"] = {*kwargs["update_fields"], "sensitive"}
        super().save(*args, **kwargs)


class Step(models.Model):
    """A channel, how long to wait before it, and on what condition."""

    type = models.ForeignKey(NotificationType, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    channel = models.SmallIntegerField(choices=channels.step_choices)
    wait_seconds = models.PositiveIntegerField(default=0)
    condition = models.SmallIntegerField(choices=Condition, default=Condition.ALWAYS)
    expression = models.JSONField(null=True, blank=True)

    class Meta:
        db_table = "notification_step"
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(name="step_position_once", fields=["type", "position"]),
            models.CheckConstraint(
                name="step_expression_when_asked",
                condition=~models.Q(condition=Condition.EXPRESSION)
                | models.Q(expression__isnull=False),
            ),
        ]


class VersionState(models.IntegerChoices):
    """The life of a version. Once published its words never change."""

    DRAFT = 1, "Draft"
    IN_REVIEW = 2, "In review"
    PUBLISHED = 3, "Published"
    RETIRED = 4, "Retired"


class Layout(models.Model):
    """The frame around email bodies."""

    key = models.CharField(max_length=80, unique=True, validators=[KEY])
    name = models.CharField(max_length=120)

    class Meta:
        db_table = "layout"
        ordering = ["key"]

    def __str__(self) -> str:
        return self.name


class LayoutVersion(models.Model):
    """MJML with a slot for the content."""

    layout = models.ForeignKey(Layout, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    state = models.SmallIntegerField(choices=VersionState, default=VersionState.DRAFT)
    source = models.TextField()
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True
    )
    created_at = models.DateTimeField(db_default=Now())
    published_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "layout_version"
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(name="layout_version_once", fields=["layout", "number"]),
            models.UniqueConstraint(
                name="layout_one_published",
                fields=["layout"],
                condition=models.Q(state=VersionState.PUBLISHED),
            ),
        ]


class Template(models.Model):
    """What a type says in one locale, on one channel or (`channels.GENERAL`) on every channel that
    has no words of its own."""

    type = models.ForeignKey(NotificationType, on_delete=models.CASCADE, related_name="templates")
    channel = models.SmallIntegerField(choices=channels.written_choices)
    locale = models.CharField(max_length=20, default="en")
    layout = models.ForeignKey(
        Layout, on_delete=models.PROTECT, null=True, blank=True, help_text="For email."
    )

    class Meta:
        db_table = "template"
        ordering = ["type", "channel", "locale"]
        constraints = [
            models.UniqueConstraint(name="template_once", fields=["type", "channel", "locale"]),
        ]


class TemplateVersion(models.Model):
    """Words of a template. `compiled` is what publishing made of `source`; a trigger keeps both
    as they are from then on, because sent messages name their version."""

    template = models.ForeignKey(Template, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    state = models.SmallIntegerField(choices=VersionState, default=VersionState.DRAFT)
    source = models.JSONField(default=dict)
    compiled = models.JSONField(null=True)
    layout_version = models.ForeignKey(
        LayoutVersion, on_delete=models.PROTECT, null=True, blank=True
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True
    )
    note = models.CharField(max_length=300, default="", blank=True)
    created_at = models.DateTimeField(db_default=Now())
    published_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "template_version"
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(name="template_version_once", fields=["template", "number"]),
            models.UniqueConstraint(
                name="template_one_published",
                fields=["template"],
                condition=models.Q(state=VersionState.PUBLISHED),
            ),
            models.UniqueConstraint(
                name="template_one_draft",
                fields=["template"],
                condition=models.Q(state__in=[VersionState.DRAFT, VersionState.IN_REVIEW]),
            ),
            models.CheckConstraint(
                name="template_version_compiled",
                condition=~models.Q(state=VersionState.PUBLISHED)
                | models.Q(compiled__isnull=False),
            ),
        ]
