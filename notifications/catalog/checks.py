"""What the door checks of a request's data: the type's schema, and the words' variables."""

from collections.abc import Collection, Mapping
from typing import Any

from delivery import channels as delivery_channels
from notifications.catalog import versions
from notifications.catalog.types import CatalogType
from notifications.rendering.render import missing
from notifications.rendering.schema import validate
from notifysite.plumbing.faults import Fault
from notifysite.plumbing.problems import Problem


def check_data(
    data: Mapping[str, Any], kind: CatalogType, *, channels: Collection[int], at: str = "/data"
) -> None:
    """Raise Problem where data does not fit the schema, or lacks what the words need."""
    faults = [
        Fault(at + one.pointer, one.code, one.detail) for one in validate(data, kind.data_schema)
    ]
    if faults:
        raise Problem.of("data_invalid", faults=faults)
    lacking = set(_lacking(data, kind, channels))
    if lacking:
        raise Problem.of("missing_variable", faults=[_fault(path, at) for path in sorted(lacking)])


def _lacking(data: Mapping[str, Any], kind: CatalogType, channels: Collection[int]) -> list[str]:
    used = {key: version for key, version in kind.versions.items() if key[0] in channels}
    forms = versions.compiled(used.values())
    return [
        path
        for (channel, _), version in used.items()
        for path in missing(forms[version], data, channel=delivery_channels.by_number(channel).key)
    ]


def _fault(path: str, at: str) -> Fault:
    pointer = at + "".join(f"/{part}" for part in path.split(".")[1:])
    return Fault(pointer, "missing_variable", f"The template says {{{{ {path} }}}}; give it.")
