"""Types as the path of a notification needs them: whole, and as they are now.

A process keeps what it has loaded. One statement tells whether it still holds: the database stamps
a type's row with every change of the type, its steps, its published words and its category.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from delivery import channels
from notifications.catalog import tracking
from notifications.catalog import versions as published
from notifications.catalog.kinds import StepFacts, TypeFacts
from notifications.models import NotificationType, Step, TemplateVersion, VersionState
from notifications.words import Priority
from preferences import resolution

_MOST_PICKED = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogType:
    """A type with its category and the versions that are published now.

    `versions` maps (channel, locale) to the id of a template version: the channel's own, or that
    for every channel.
    """

    facts: TypeFacts
    name: str
    priority: Priority
    category: resolution.CategoryFacts
    ttl_seconds: int | None
    uncertain: int
    sensitive: bool = False  # whether its schema marks secrets
    tracked: bool = False  # whether opens and clicks of its mail are recorded, and may be
    data_schema: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[tuple[int, str], int] = field(default_factory=dict)
    _picked: dict[tuple[int, str], int | None] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def version(self, channel: int, locale: str) -> int | None:
        """The version that a person of this language reads on a channel."""
        asked = (channel, locale)
        if asked not in self._picked:
            if len(self._picked) >= _MOST_PICKED:  # a request may bring any language
                self._picked.clear()
            self._picked[asked] = published.pick(self.versions, channel, locale)
        return self._picked[asked]

    @property
    def id(self) -> int:
        """The id of the row."""
        return self.facts.id

    @property
    def key(self) -> str:
        """The API's word for it."""
        return self.facts.key

    @property
    def marketing(self) -> bool:
        """Whether it is advertising by its category's kind."""
        return self.category.kind is resolution.Kind.MARKETING

    def channels(self) -> frozenset[int]:
        """The channels a request may ask for: those of the steps; for a preferred step, any that
        has words."""
        steps = {step.channel for step in self.facts.steps}
        if channels.PREFERRED in steps:
            steps |= self.facts.templates
        return frozenset(steps - {channels.PREFERRED})


def by_keys(keys: Iterable[str]) -> dict[str, CatalogType]:
    """The types of keys; unknown ones are missing."""
    return {kind.key: kind for kind in _current("key = ANY(%s::text[])", list(set(keys)))}


def load(type_ids: Iterable[int]) -> dict[int, CatalogType]:
    """Types by id."""
    return {kind.id: kind for kind in _current("id = ANY(%s::bigint[])", list(type_ids))}


# The stamp of a row's type, for a statement that reads such rows anyway: it saves one that asks.
STAMP = "(SELECT t.changed_at FROM notification_type AS t WHERE t.id = {id})"

_kept: dict[int, tuple[datetime, CatalogType]] = {}
_by_key: dict[str, int] = {}  # ids; which of them holds, the stamp tells


def kept(key: str) -> tuple[datetime, CatalogType] | None:
    """What this process keeps of a type, and the stamp with which it holds; the caller must see
    that the database's is the same."""
    found = _kept.get(_by_key.get(key, 0))
    return found if found is not None and found[1].key == key else None


def _current(where: str, values: list[Any]) -> list[CatalogType]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id, changed_at FROM notification_type WHERE {where}", [values])  # noqa: S608
        return list(stamped(dict(cursor.fetchall())).values())


def stamped(stamps: Mapping[int, datetime]) -> dict[int, CatalogType]:
    """Types by id, given the stamps that the database has just told of them; see STAMP."""
    found = {
        id_: kept[1]
        for id_, stamp in stamps.items()
        if (kept := _kept.get(id_)) is not None and kept[0] == stamp
    }
    if missing := stamps.keys() - found.keys():
        # What changes from here on comes with a later stamp, and is loaded then.
        fresh = _load(missing)
        _kept.update({id_: (stamps[id_], kind) for id_, kind in fresh.items()})
        _by_key.update({kind.key: id_ for id_, kind in fresh.items()})
        found |= fresh
    return found


def _load(ids: Iterable[int]) -> dict[int, CatalogType]:
    steps: dict[int, list[StepFacts]] = {}
    for step in Step.objects.filter(type_id__in=ids).order_by("type_id", "position"):
        steps.setdefault(step.type_id, []).append(_step(step))
    versions = _versions(ids)
    rows = NotificationType.objects.filter(id__in=ids).select_related("category")
    return {
        row.id: _catalog_type(row, tuple(steps.get(row.id, ())), versions.get(row.id, {}))
        for row in rows
    }


def _versions(ids: Iterable[int]) -> dict[int, dict[tuple[int, str], int]]:
    rows = list(
        TemplateVersion.objects.filter(
            state=VersionState.PUBLISHED, template__type_id__in=ids
        ).values_list("template__type_id", "template__channel", "template__locale", "id")
    )
    forms = published.compiled(row[3] for row in rows if row[1] == channels.GENERAL.number)
    own: dict[int, dict[tuple[int, str], int]] = {}
    general: dict[int, dict[str, tuple[int, list[int]]]] = {}
    for type_id, channel, locale, version in rows:
        if channel == channels.GENERAL.number:
            spoken = _numbers(forms[version]["channels"])
            general.setdefault(type_id, {})[locale] = (version, spoken)
        else:
            own.setdefault(type_id, {})[channel, locale] = version
    return {
        type_id: published.on_channels(own.get(type_id, {}), general.get(type_id, {}))
        for type_id in own.keys() | general.keys()
    }


def _numbers(keys: Iterable[str]) -> list[int]:
    """Of the channels that are installed: one may have been taken away since."""
    there = {spec.key: spec.number for spec in channels.every()}
    return [there[key] for key in keys if key in there]


def _step(step: Step) -> StepFacts:
    return StepFacts(
        position=step.position,
        channel=step.channel,
        wait=step.wait_seconds,
        condition=step.condition,
        expression=step.expression,
    )


def _catalog_type(
    row: NotificationType, steps: tuple[StepFacts, ...], versions: dict[tuple[int, str], int]
) -> CatalogType:
    category = row.category
    return CatalogType(
        facts=TypeFacts(
            id=row.id,
            key=row.key,
            active=row.active,
            category=category.key,
            mandatory=category.mandatory,
            default_channels=tuple(category.default_channels),
            steps=steps,
            templates=frozenset(channel for channel, _ in versions),
            email_interrupts=row.email_interrupts,
        ),
        name=row.name,
        priority=Priority(row.priority),
        category=resolution.CategoryFacts(
            id=category.id,
            key=category.key,
            kind=resolution.Kind(category.kind),
            default_channels=tuple(category.default_channels),
            mandatory=category.mandatory,
        ),
        ttl_seconds=row.ttl_seconds,
        uncertain=row.uncertain,
        sensitive=row.sensitive,
        tracked=row.tracking
        and not tracking.objection(
            kind=category.kind, uncertain=row.uncertain, sensitive=row.sensitive
        ),
        data_schema=row.data_schema,
        versions=versions,
    )
