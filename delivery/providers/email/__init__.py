"""Email."""

from delivery.providers.email.provider import DjangoEmail

__all__ = ["DjangoEmail"]
