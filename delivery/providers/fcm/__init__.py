"""Firebase Cloud Messaging."""

from delivery.providers.fcm.provider import Fcm

__all__ = ["Fcm"]
