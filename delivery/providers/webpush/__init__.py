"""Web push."""

from delivery.providers.webpush.provider import WebPush

__all__ = ["WebPush"]
