"""Topics, crowds and audiences, and what came of them."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from notifications.audiences import expand
from notifications.models import Audience, Notification
from notifications.words import Lane, Mode, Priority
from notifysite.plumbing import ids
from preferences import topics
from preferences.models import Topic
from tests.factories import make_topic, subscribe_a_crowd
from tests.fakes.scripted import Ledger

TOPIC = {"topic": "gardening_tips"}
LONG = 1001
URL = "/api/v1/notifications"
Run = Callable[[], int]
Send = Callable[..., dict[str, Any]]


def subscribe(topic: Topic, *user_ids: str) -> None:
    topics.subscribe(topic.pk, user_ids, actor="test", source="import")


def leave(topic: Topic, *user_ids: str) -> None:
    topics.unsubscribe(topic.pk, user_ids, actor="test", source="person")


def crowd(size: int) -> Topic:
    topic = make_topic("crowd")
    subscribe_a_crowd(topic, size)
    return topic


def audience(**values: Any) -> Audience:
    """One as it is written at the door, without a request."""
    request_id = ids.uuid7()
    said = {
        "request_id": request_id, "service_id": 1, "key_id": 1, "type_id": 1, "mode": Mode.LIVE,
        "priority": Priority.LOW, "lane": Lane.BULK, "kind": 1, "estimated": 0,
        "due_at": datetime.now(UTC),
    }  # fmt: skip
    return Audience.objects.create(**{**said, **values})


def subjects(provider: Ledger) -> list[str]:
    return sorted(message.content.subject for message in provider.taken)


def per_person() -> Counter[int]:
    """How many notifications each person has."""
    return Counter(Notification.objects.values_list("recipient_id", flat=True))


def make_all(size: int = 5) -> None:
    while expand.expand_due(Lane.BULK, chunk=size):
        pass
