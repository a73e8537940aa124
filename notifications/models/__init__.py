"""The tables of notifications."""

from notifications.models.attachment import Attachment
from notifications.models.audience import Audience, AudienceMember
from notifications.models.callback import Callback, CallbackEndpoint
from notifications.models.catalog import (
    Condition,
    Layout,
    LayoutVersion,
    NotificationType,
    OverCap,
    Step,
    Template,
    TemplateVersion,
    VersionState,
)
from notifications.models.figures import Figure, FigureDelta
from notifications.models.notification import Decision, Notification, Render
from notifications.models.service import ApiCallCount, ApiKey, Guest, IdempotencyKey, Service

__all__ = [
    "ApiCallCount",
    "ApiKey",
    "Attachment",
    "Audience",
    "AudienceMember",
    "Callback",
    "CallbackEndpoint",
    "Condition",
    "Decision",
    "Figure",
    "FigureDelta",
    "Guest",
    "IdempotencyKey",
    "Layout",
    "LayoutVersion",
    "Notification",
    "NotificationType",
    "OverCap",
    "Render",
    "Service",
    "Step",
    "Template",
    "TemplateVersion",
    "VersionState",
]
