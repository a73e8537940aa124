"""Make what the shop says, where it is missing. What people changed since stays as they left it."""

from dataclasses import asdict
from typing import Any

from django.db import transaction

from delivery import channels
from delivery.lifecycle import Uncertain
from notifications.catalog.publish import publish_layout, say
from notifications.demo import files
from notifications.demo.files import CategoryFile, TopicFile, TypeFile
from notifications.models import Condition, Layout, NotificationType, Step, VersionState
from notifications.words import Priority
from preferences.models import Category, CategoryKind, Topic

ACTOR = "demo"


@transaction.atomic
def make() -> int:
    """Categories, topics, layouts and types with their words; gives how many rows were missing."""
    made = sum(_topic(one) for one in files.topics())
    made += sum(_category(one, position) for position, one in enumerate(files.categories(), 1))
    made += sum(_layout(key, source) for key, source in files.layouts().items())
    return made + sum(_type(one) + _words(one) for one in files.types())


def _category(said: CategoryFile, position: int) -> bool:
    values = {
        "name": said.name,
        "description": said.description,
        "translations": said.translations,
        "kind": CategoryKind[said.kind.upper()],
        "mandatory": said.mandatory,
        "default_channels": [channels.by_key(key).number for key in said.default_channels],
        "position": position * 10,
    }
    return Category.objects.get_or_create(key=said.key, defaults=values)[1]


def _topic(said: TopicFile) -> bool:
    values = asdict(said)
    return Topic.objects.get_or_create(key=values.pop("key"), defaults=values)[1]


def _layout(key: str, source: str) -> bool:
    layout, created = Layout.objects.get_or_create(key=key, defaults={"name": key.capitalize()})
    if created:
        publish_layout(layout, source, actor=ACTOR)
    return created


def _type(said: TypeFile) -> bool:
    kind, created = NotificationType.objects.get_or_create(
        key=said.key,
        defaults={
            "name": said.name,
            "description": said.description,
            "category": Category.objects.get(key=said.category),
            "priority": Priority[said.priority.upper()],
            "ttl_seconds": said.ttl_seconds,
            "uncertain": Uncertain[said.uncertain.upper()],
            "data_schema": said.data_schema,
            "sample_data": said.sample_data,
        },
    )
    if created:
        for position, step in enumerate(said.steps, start=1):
            Step.objects.create(type=kind, position=position, **_step(step))
    return created


def _step(said: dict[str, Any]) -> dict[str, Any]:
    key = said["channel"]
    preferred = key == channels.PREFERRED_KEY
    return {
        "channel": channels.PREFERRED if preferred else channels.by_key(key).number,
        "wait_seconds": said.get("wait_seconds", 0),
        "condition": Condition[said.get("condition", "always").upper()],
    }


def _words(said: TypeFile) -> int:
    kind = NotificationType.objects.get(key=said.key)
    layout = Layout.objects.filter(key=said.layout).first()
    made = 0
    for locale, by_channel in said.words.items():
        for channel, source in by_channel.items():
            spec = channels.written_by_key(channel)
            there = kind.templates.filter(channel=spec.number, locale=locale)
            if there.filter(versions__state=VersionState.PUBLISHED).exists():
                continue
            frame = layout if spec in (channels.EMAIL, channels.GENERAL) else None
            say(kind, channel, locale, source, actor=ACTOR, layout=frame)
            made += 1
    return made
