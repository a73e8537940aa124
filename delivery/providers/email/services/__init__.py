"""Mail services with an API, which also tell us what became of a letter."""

from delivery.providers.email.services.postmark import Postmark
from delivery.providers.email.services.ses import AmazonSes

__all__ = ["AmazonSes", "Postmark"]
