"""Amazon SNS: SMS."""

from delivery.providers.sns.provider import Sns

__all__ = ["Sns"]
