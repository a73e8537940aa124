"""Sample data: an object that satisfies its type's schema."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError

from notifications.rendering import schema


def check_sample(sample: Any, data_schema: Mapping[str, Any]) -> None:
    """Raise ValidationError naming each place of the sample that does not fit."""
    if not isinstance(sample, dict):
        raise ValidationError('Write an object such as {"order": 17}.')
    refuse(schema.validate(sample, data_schema))


def refuse(faults: Sequence[schema.Fault]) -> None:
    """Raise ValidationError with a pointer for each fault, if there are any."""
    if faults:
        raise ValidationError([f"{fault.pointer or '/'}: {fault.detail}" for fault in faults])
