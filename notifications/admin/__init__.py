"""The editors' and operators' desk. Importing it registers every table."""

from notifications.admin import (
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
