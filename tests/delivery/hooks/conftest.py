"""Hooks hear about deliveries that a provider was given."""

from tests.delivery.feedback.conftest import given

__all__ = ["given"]
