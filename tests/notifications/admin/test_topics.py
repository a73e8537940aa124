"""Editors make topics, see how many are subscribed, and remove topics with their subscribers."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from delivery.models import AuditEntry
from preferences import topics
from preferences.models import Subscription, Topic
from tests.factories import make_recipient, make_topic, subscribe_a_crowd

LIST = reverse("admin:preferences_topic_changelist")
ADD = reverse("admin:preferences_topic_add")


def subscribe(topic: Topic, *user_ids: str) -> None:
    for user_id in user_ids:
        make_recipient(user_id)
    topics.subscribe(topic.pk, user_ids, actor="test", source="import")


def said(**values: Any) -> dict[str, Any]:
    return {"key": "roses", "name": "Roses", "description": "", "translations": "{}", **values}


def trail() -> list[tuple[str, str]]:
    return list(
        AuditEntry.objects.filter(action__startswith="topic.")
        .exclude(action="topic.subscribed")
        .order_by("id")
        .values_list("actor", "action")
    )


def test_the_list_says_how_many_are_subscribed(desk: Client) -> None:
    make_topic("moss")
    subscribe(make_topic("roses"), "ann", "bob")
    subscribe_a_crowd(make_topic("ferns"), topics.MOST_COUNTED)

    listed = desk.get(LIST).content.decode()

    assert "10,000 or more" in listed
    shown = {row.key: row.subscribers for row in desk.get(LIST).context["cl"].result_list}
    assert shown == {"ferns": 10_000, "moss": 0, "roses": 2}


@pytest.mark.parametrize("term", ["ros", "Roses of"])
def test_a_topic_is_found_by_key_or_name(desk: Client, term: str) -> None:
    make_topic("roses", name="Roses of the year")
    make_topic("moss")

    found = desk.get(LIST, {"q": term}).context["cl"].result_list

    assert [row.key for row in found] == ["roses"]


def test_a_topic_is_made_and_its_key_stays(desk: Client, boss: User) -> None:
    desk.post(ADD, said())
    topic = Topic.objects.get()
    page = reverse("admin:preferences_topic_change", args=[topic.pk])

    desk.post(page, said(key="ferns", name="Rosen"))

    topic.refresh_from_db()
    assert (topic.key, topic.name) == ("roses", "Rosen")
    assert trail() == [(f"admin:{boss.pk}", "topic.added"), (f"admin:{boss.pk}", "topic.changed")]


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"key": "Roses!"}, "Use lower-case letters"),
        ({"translations": '{"de": {"nom": "Rosen"}}'}, "/de: give a name and a description"),
    ],
)
def test_what_is_wrong_with_a_topic_is_said(
    desk: Client, values: dict[str, str], wrong: str
) -> None:
    response = desk.post(ADD, said(**values))

    assert wrong in response.content.decode()
    assert not Topic.objects.exists()


def test_who_removes_a_topic_is_told_how_many_are_subscribed(desk: Client, boss: User) -> None:
    topic = make_topic("roses")
    subscribe(topic, "ann", "bob")
    page = reverse("admin:preferences_topic_delete", args=[topic.pk])

    asked = desk.get(page)
    desk.post(page, {"post": "yes"})

    assert dict(asked.context["model_count"]) == {"topics": 1, "subscribers": 2}
    assert not Topic.objects.exists()
    assert not Subscription.objects.exists()
    assert trail() == [(f"admin:{boss.pk}", "topic.deleted")]


def test_several_topics_are_removed_at_once(desk: Client) -> None:
    gone, stays = make_topic("roses"), make_topic("ferns")
    subscribe(gone, "ann")
    ticked = {"action": "delete_selected", "_selected_action": [gone.pk], "post": "yes"}

    desk.post(LIST, ticked)

    assert list(Topic.objects.all()) == [stays]
    assert not Subscription.objects.exists()
