"""The editors' and operators' desk. Importing it registers every table."""

from notifications.admin import (
    attachments,
    audiences,
    callbacks,
    dead_letters,
    layouts,
    notifications,
    people,
    providers,
    services,
    suppressions,
    templates,
    third_parties,
    types,
)

__all__ = [
    "attachments",
    "audiences",
    "callbacks",
    "dead_letters",
    "layouts",
    "notifications",
    "people",
    "providers",
    "services",
    "suppressions",
    "templates",
    "third_parties",
    "types",
]
