"""Apple Push Notification service."""

from delivery.providers.apns.provider import Apns

__all__ = ["Apns"]
