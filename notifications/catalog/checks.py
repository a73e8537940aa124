"""What the door checks of a request's data: the type's schema, and the words' variables."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Self

from delivery import channels as delivery_channels
from notifications.catalog import versions
from notifications.catalog.types import CatalogType
from notifications.rendering.render import missing, names_wanted
from notifications.rendering.schema import validate
from notifysite.plumbing.faults import Fault
from notifysite.plumbing.problems import Problem

_MOST_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Needs:
    """What a type and its words on some channels want of data; worked out once for many requests.

    `names` are enough: data that has them all lacks nothing. None: each template must be asked.
    """

    schema: Mapping[str, Any]
    templates: tuple[tuple[dict[str, Any], str], ...]  # compiled form, channel
    names: frozenset[str] | None

    @classmethod
    def of(cls, kind: CatalogType, channels: frozenset[int]) -> "Needs":
        """Of the words that are published now; kept as long as the type is as it is."""
        known = _kept.get((kind.id, channels))
        if known is not None and known[0] is kind:
            return known[1]
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        needs = cls._work_out(kind, channels)
        _kept[kind.id, channels] = (kind, needs)
        return needs

    @classmethod
    def _work_out(cls, kind: CatalogType, channels: frozenset[int]) -> Self:
        used = {key: version for key, version in kind.versions.items() if key[0] in channels}
        forms = versions.compiled(used.values())
        templates = tuple(
            (forms[version], delivery_channels.by_number(channel).key)
            for (channel, _), version in used.items()
        )
        names = [names_wanted(form, channel=channel) for form, channel in templates]
        known = [each for each in names if each is not None]
        all_known = frozenset().union(*known) if len(known) == len(names) else None
        return cls(kind.data_schema, templates, all_known)

    def check(self, data: Mapping[str, Any], *, at: str = "/data") -> None:
        """Raise Problem where data does not fit the schema, or lacks what the words need."""
        if self.schema:
            self._check_schema(data, at)
        if self.names is not None and self.names <= data.keys():
            return
        lacking = {path for form, on in self.templates for path in missing(form, data, channel=on)}
        if lacking:
            faults = [_fault(path, at) for path in sorted(lacking)]
            raise Problem.of("missing_variable", faults=faults)

    def _check_schema(self, data: Mapping[str, Any], at: str) -> None:
        faults = [
            Fault(at + one.pointer, one.code, one.detail) for one in validate(data, self.schema)
        ]
        if faults:
            raise Problem.of("data_invalid", faults=faults)


# By type and channels, with the very type they were worked out for.
_kept: dict[tuple[int, frozenset[int]], tuple[CatalogType, Needs]] = {}


def check_data(
    data: Mapping[str, Any], kind: CatalogType, *, channels: Collection[int], at: str = "/data"
) -> None:
    """Raise Problem where data does not fit the schema, or lacks what the words need."""
    Needs.of(kind, frozenset(channels)).check(data, at=at)


def _fault(path: str, at: str) -> Fault:
    pointer = at + "".join(f"/{part}" for part in path.split(".")[1:])
    return Fault(pointer, "missing_variable", f"The template says {{{{ {path} }}}}; give it.")
