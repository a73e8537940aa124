"""Topics and who is subscribed to them: many people in as many statements as one.

Lock order: people by id, then the topic. A change of what a person is subscribed to moves their
`changed_at`, as every wish does; the end of a topic does not: it is nobody's wish.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from notifysite.plumbing import audit
from preferences.models import Subscription, Topic
from preferences.models.recipient import CHANGED

MOST_COUNTED = 10_000

_LOCK = """
    SELECT id, user_id FROM recipient WHERE user_id = ANY(%s::text[])
    ORDER BY id FOR NO KEY UPDATE
"""
# The least that keeps the topic from being removed; subscribers do not wait for each other.
_HOLD = "SELECT key FROM topic WHERE id = %s FOR KEY SHARE"
_SUBSCRIBE = """
    INSERT INTO topic_subscription (topic_id, recipient_id) SELECT %s, unnest(%s::bigint[])
    ON CONFLICT (topic_id, recipient_id) DO NOTHING RETURNING recipient_id
"""
_UNSUBSCRIBE = """
    DELETE FROM topic_subscription WHERE topic_id = %s AND recipient_id = ANY(%s::bigint[])
    RETURNING recipient_id
"""
_TOUCH = f"""
    UPDATE recipient
    SET {CHANGED}
    WHERE id = ANY(%s::bigint[]) RETURNING subject
"""  # noqa: S608
_JOIN = """
    WITH joined AS (
        INSERT INTO topic_subscription (topic_id, recipient_id)
        SELECT id, %s FROM topic WHERE key = ANY(%s::text[]) ORDER BY id FOR KEY SHARE
        ON CONFLICT (topic_id, recipient_id) DO NOTHING RETURNING topic_id
    )
    SELECT key FROM topic JOIN joined ON topic.id = joined.topic_id ORDER BY key
"""
_LEAVE = """
    WITH gone AS (
        DELETE FROM topic_subscription USING topic
        WHERE topic.id = topic_id AND recipient_id = %s AND NOT key = ANY(%s::text[])
        RETURNING key
    )
    SELECT key FROM gone ORDER BY key
"""
_COUNT = """
    SELECT asked.id, found.count
    FROM unnest(%s::bigint[]) AS asked (id) CROSS JOIN LATERAL (
        SELECT count(*) FROM (
            SELECT FROM topic_subscription WHERE topic_id = asked.id LIMIT %s
        ) AS counted
    ) AS found
"""


# What the planner makes of it: it keeps count of the topics that many are subscribed to.
_ESTIMATE = """
    EXPLAIN (FORMAT JSON) SELECT FROM topic_subscription WHERE topic_id = %s
"""


@dataclass(frozen=True, slots=True)
class Size:
    """A topic, and about how many are subscribed: exact up to MOST_COUNTED."""

    id: int
    estimated: int


class TopicGone(LookupError):
    """No such topic."""


class KeyTaken(ValueError):
    """There is a topic of this key."""


class PeopleUnknown(LookupError):
    """Nobody is known by these user ids."""

    def __init__(self, user_ids: Iterable[str]) -> None:
        self.user_ids = frozenset(user_ids)
        super().__init__(f"{len(self.user_ids)} people")


def add(said: Mapping[str, Any], *, actor: str) -> Topic:
    """Make a topic. Raises KeyTaken."""
    with transaction.atomic():
        topic, is_new = Topic.objects.get_or_create(key=said["key"], defaults=said)
        if not is_new:
            raise KeyTaken(topic.key)
        _note(topic, "added", actor, fields=sorted(said))
        return topic


def change(key: str, said: Mapping[str, Any], *, actor: str) -> Topic:
    """Set what is said of a topic. Raises TopicGone."""
    with transaction.atomic():
        topic = Topic.objects.select_for_update(no_key=True).filter(key=key).first()
        if topic is None:
            raise TopicGone(key)
        if said:
            for name, value in said.items():
                setattr(topic, name, value)
            topic.save(update_fields=list(said))
            _note(topic, "changed", actor, fields=sorted(said))
        return topic


def remove(topic: Topic, *, actor: str) -> None:
    """Remove a topic, and with it who is subscribed."""
    with transaction.atomic():
        drop(topic.pk)
        _note(topic, "deleted", actor, key=topic.key)


def drop(topic_id: int) -> None:
    """The same for a caller who writes the audit trail, in the caller's transaction."""
    with connection.cursor() as cursor:
        # The topic first: this waits for those who are subscribing, and nobody can after it.
        cursor.execute("DELETE FROM topic WHERE id = %s", [topic_id])
        cursor.execute("DELETE FROM topic_subscription WHERE topic_id = %s", [topic_id])


def subscribe(topic_id: int, user_ids: Collection[str], *, actor: str, source: str) -> int:
    """Subscribe people, all or nobody; how many were not before. Raises PeopleUnknown, TopicGone.

    `source` says by what way: person, api, import.
    """
    with transaction.atomic():
        people = _locked(user_ids)
        if unknown := set(user_ids) - people.keys():
            raise PeopleUnknown(unknown)
        key = _held(topic_id)
        subjects = _moved(_SUBSCRIBE, topic_id, people.values())
        _record(subjects, "topic.subscribed", actor, {"topic": key, "source": source})
        return len(subjects)


def unsubscribe(topic_id: int, user_ids: Collection[str], *, actor: str, source: str) -> int:
    """Unsubscribe people; how many were subscribed. Raises TopicGone; strangers are passed over."""
    with transaction.atomic():
        people = _locked(user_ids)
        key = _held(topic_id)
        subjects = _moved(_UNSUBSCRIBE, topic_id, people.values())
        _record(subjects, "topic.unsubscribed", actor, {"topic": key, "source": source})
        return len(subjects)


def replace(recipient_id: int, keys: Collection[str]) -> dict[str, bool]:
    """Subscribe a person whom the caller has locked to these topics and no others.

    Answers with what changed, by key: whether they are subscribed now. Topics that are gone are
    passed over; `changed_at` is the caller's to move.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LEAVE, [recipient_id, list(keys)])
        left = {key: False for (key,) in cursor.fetchall()}
        cursor.execute(_JOIN, [recipient_id, list(keys)])
        return left | {key: True for (key,) in cursor.fetchall()}


def set_of(recipient_id: int) -> frozenset[str]:
    """The keys of the topics a person is subscribed to."""
    theirs = Topic.objects.filter(subscriptions__recipient_id=recipient_id)
    return frozenset(theirs.order_by().values_list("key", flat=True))


def seen_by(recipient_id: int) -> QuerySet[Any]:
    """All topics by key, each with `subscribed`: whether the person is."""
    theirs = Subscription.objects.filter(topic=OuterRef("pk"), recipient_id=recipient_id)
    return Topic.objects.annotate(subscribed=Exists(theirs)).order_by("key")


def known(keys: Collection[str]) -> frozenset[str]:
    """Those of the keys that a topic has."""
    return frozenset(Topic.objects.filter(key__in=keys).values_list("key", flat=True))


def subscribers(topic_id: int) -> int:
    """How many people are subscribed, counted by the index: 0.1 s for a million."""
    return Subscription.objects.filter(topic_id=topic_id).count()


def counted(topic_ids: Collection[int]) -> dict[int, int]:
    """How many are subscribed to each topic, never counting beyond MOST_COUNTED; one query."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [list(topic_ids), MOST_COUNTED])
        return dict(cursor.fetchall())


def sizes(keys: Collection[str]) -> dict[str, Size]:
    """The topics of these keys that there are; two queries, and one more for each that is large."""
    there = dict(Topic.objects.filter(key__in=keys).values_list("key", "pk")) if keys else {}
    count = counted(there.values()) if there else {}
    return {
        key: Size(pk, count[pk] if count[pk] < MOST_COUNTED else max(MOST_COUNTED, _estimate(pk)))
        for key, pk in there.items()
    }


def _estimate(topic_id: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_ESTIMATE, [topic_id])
        (found,) = cursor.fetchone()
    plan = json.loads(found) if isinstance(found, str) else found
    return int(plan[0]["Plan"]["Plan Rows"])


def _locked(user_ids: Collection[str]) -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [list(user_ids)])
        return {user_id: id for id, user_id in cursor.fetchall()}


def _held(topic_id: int) -> str:
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, [topic_id])
        row = cursor.fetchone()
    if row is None:
        raise TopicGone(f"topic {topic_id}")
    return str(row[0])


def _moved(statement: str, topic_id: int, recipient_ids: Iterable[int]) -> list[UUID]:
    """Those of the people whom the statement changed."""
    with connection.cursor() as cursor:
        cursor.execute(statement, [topic_id, list(recipient_ids)])
        cursor.execute(_TOUCH, [[id for (id,) in cursor.fetchall()]])
        return [subject for (subject,) in cursor.fetchall()]


def _record(subjects: list[UUID], action: str, actor: str, detail: dict[str, Any]) -> None:
    audit.record_all(
        actor=actor,
        action=action,
        targets=[f"user:{subject}" for subject in subjects],
        subjects=subjects,
        detail=detail,
    )


def _note(topic: Topic, deed: str, actor: str, **detail: Any) -> None:
    audit.record(actor=actor, action=f"topic.{deed}", target=f"topic:{topic.pk}", detail=detail)
