"""Chat: incoming webhooks of Slack, Discord and Microsoft Teams."""

from delivery.providers.chat.provider import Chat

__all__ = ["Chat"]
