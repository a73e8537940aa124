"""Vonage: SMS."""

from delivery.providers.vonage.provider import Vonage

__all__ = ["Vonage"]
