"""The tables of delivery."""

from delivery.models.audit import AuditEntry
from delivery.models.delivery import Announcement, Attempt, Delivery, Engagement, Event, News
from delivery.models.inbox import InboxHead, InboxItem
from delivery.models.operations import Heartbeat, OutboxMessage, Route
from delivery.models.suppression import Suppression

__all__ = [
    "Announcement",
    "Attempt",
    "AuditEntry",
    "Delivery",
    "Engagement",
    "Event",
    "Heartbeat",
    "InboxHead",
    "InboxItem",
    "News",
    "OutboxMessage",
    "Route",
    "Suppression",
]
