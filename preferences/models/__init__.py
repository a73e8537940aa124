"""The tables of preferences."""

from preferences.models.category import Category, CategoryKind
from preferences.models.recipient import Address, Recipient
from preferences.models.topic import Subscription, Topic
from preferences.models.wishes import CategorySetting, Choice, Consent

__all__ = [
    "Address",
    "Category",
    "CategoryKind",
    "CategorySetting",
    "Choice",
    "Consent",
    "Recipient",
    "Subscription",
    "Topic",
]
