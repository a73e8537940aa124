"""Rows for tests, made through the doors the product uses."""

import itertools
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from delivery import channels
from notifications.catalog.publish import say
from notifications.models import NotificationType, Service, Step
from notifications.services import keys
from notifications.words import Mode
from preferences import people
from preferences.models import Category, CategoryKind, Recipient, Topic
from preferences.wanted import Wanted

_number = itertools.count(1)


def make_recipient(
    user_id: str | None = None, *, email: str | None = None, phone: str | None = None, **said: Any
) -> Recipient:
    """A person as `people.upsert` makes them; columns it does not know are set afterwards."""
    person_said = {"email": email, "phone": phone} | {
        name: said.pop(name)
        for name in ("locale", "timezone", "name", "attributes")
        if name in said
    }
    wanted = Wanted.of(user_id or f"user-{next(_number)}", **person_said)
    with transaction.atomic():
        (person,) = people.upsert([wanted], now=timezone.now())
    if said:
        Recipient.objects.filter(pk=person.id).update(**said)
    return Recipient.objects.get(pk=person.id)


def make_category(key: str | None = None, **values: Any) -> Category:
    """A transactional category that goes by email and in-app unless told otherwise."""
    key = key or f"category_{next(_number)}"
    defaults = {
        "name": key.replace("_", " ").capitalize(),
        "kind": CategoryKind.TRANSACTIONAL,
        "default_channels": [channels.EMAIL.number, channels.IN_APP.number],
    }
    return Category.objects.create(key=key, **(defaults | values))


def make_topic(key: str | None = None, **values: Any) -> Topic:
    """A topic to which nobody is subscribed."""
    key = key or f"topic_{next(_number)}"
    return Topic.objects.create(key=key, **({"name": key.replace("_", " ").capitalize()} | values))


def subscribe_a_crowd(topic: Topic, count: int) -> None:
    """Subscribe so many people of whom nothing is known."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH crowd AS (
                INSERT INTO recipient (subject, locale, timezone)
                SELECT gen_random_uuid(), '', '' FROM generate_series(1, %s) RETURNING id
            )
            INSERT INTO topic_subscription (topic_id, recipient_id) SELECT %s, id FROM crowd
            """,
            [count, topic.pk],
        )


def make_service(key: str | None = None, **values: Any) -> Service:
    """A service that calls the API."""
    key = key or f"service-{next(_number)}"
    return Service.objects.create(key=key, **({"name": key.capitalize()} | values))


def make_key(
    service: Service | None = None, *, mode: Mode = Mode.LIVE, **values: Any
) -> keys.IssuedKey:
    """A key that works now, of a service of its own unless one is given; `.secret` is sent."""
    wanted = {"name": "tests"} | values
    return keys.issue(service or make_service(), mode=mode, **wanted)


def make_type(
    key: str | None = None,
    *,
    steps: list[dict[str, Any]] | None = None,
    words: dict[str, dict[str, Any]] | None = None,
    category: Category | None = None,
    **values: Any,
) -> NotificationType:
    """A type with published words on each channel of its steps; email and in-app by default."""
    key = key or f"type_{next(_number)}"
    steps = [{"channel": "email"}, {"channel": "in_app"}] if steps is None else steps
    kind = NotificationType.objects.create(
        key=key, name=key, category=category or make_category(), **values
    )
    for position, step in enumerate(steps, start=1):
        number = channels.PREFERRED
        if step["channel"] != channels.PREFERRED_KEY:
            number = channels.by_key(step["channel"]).number
        Step.objects.create(type=kind, position=position, **{**step, "channel": number})
    for channel in words or {step["channel"] for step in steps} - {channels.PREFERRED_KEY}:
        say(kind, channel, "en", (words or WORDS)[channel], actor="test")
    return kind


WORDS: dict[str, dict[str, Any]] = {
    "email": {"subject": "Hello {{ recipient.name | default: 'you' }}", "body": "<p>Hi</p>"},
    "sms": {"text": "Hello"},
    "web_push": {"title": "Hello", "body": "Hi"},
    "mobile_push": {"title": "Hello", "body": "Hi"},
    "in_app": {"title": "Hello", "body": "Hi"},
    "webhook": {"title": "Hello", "body": "Hi"},
    "chat": {"title": "Hello", "body": "Hi"},
    "general": {"title": "Hello", "body": "Hi"},
}
