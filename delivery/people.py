"""Keys of people, who are bare ids here: the function that has them is named in settings."""

from collections.abc import Callable, Iterable
from typing import cast

from django.conf import settings
from django.utils.module_loading import import_string

from notifysite.plumbing.crypto import DataKey


def data_keys(recipients: Iterable[int]) -> dict[int, DataKey]:
    """The data key of each recipient; those erased are missing."""
    load = cast(
        "Callable[[Iterable[int]], dict[int, DataKey]]", import_string(settings.RECIPIENT_KEYS)
    )
    return load(recipients)
