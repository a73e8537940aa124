"""The tables of delivery."""

from delivery.models.audit import AuditEntry
from delivery.models.delivery import (
    Announcement,
    Attempt,
    Delivery,
    Engagement,
    Event,
    News,
    ParkedNews,
)
from delivery.models.inbox import InboxHead, InboxItem
from delivery.models.operations import (
    Breaker,
    Heartbeat,
    HitCount,
    HookCount,
    OutboxMessage,
    Pace,
    Route,
    Sample,
    Throttle,
)
from delivery.models.price import MessagePrice
from delivery.models.suppression import Suppression

__all__ = [
    "Announcement",
    "Attempt",
    "AuditEntry",
    "Breaker",
    "Delivery",
    "Engagement",
    "Event",
    "Heartbeat",
    "HitCount",
    "HookCount",
    "InboxHead",
    "InboxItem",
    "MessagePrice",
    "News",
    "OutboxMessage",
    "Pace",
    "ParkedNews",
    "Route",
    "Sample",
    "Suppression",
    "Throttle",
]
