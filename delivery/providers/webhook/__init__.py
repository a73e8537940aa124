"""Outgoing webhooks."""

from delivery.providers.webhook.provider import Webhook

__all__ = ["Webhook"]
