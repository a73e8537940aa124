"""Twilio: SMS."""

from delivery.providers.twilio.provider import Twilio

__all__ = ["Twilio"]
